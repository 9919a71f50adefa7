"""Promises of: api."""
