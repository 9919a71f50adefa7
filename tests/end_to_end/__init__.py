"""Promises of: end_to_end."""
