"""Transactions of the back office: posted one by one or many at once, listed, reversed."""
