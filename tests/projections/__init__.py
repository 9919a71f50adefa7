"""Promises of: projections."""
