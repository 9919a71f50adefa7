"""Tests of the domain: no server, no database, no clock."""
