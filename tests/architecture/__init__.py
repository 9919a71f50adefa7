"""Promises of: architecture."""
