"""Promises of: properties."""
