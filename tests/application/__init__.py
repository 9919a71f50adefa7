"""Promises of: application."""
