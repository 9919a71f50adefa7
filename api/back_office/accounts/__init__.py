"""Customers' accounts as the bank's staff sees and administers them."""
