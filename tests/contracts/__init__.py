"""Promises of: contracts."""
