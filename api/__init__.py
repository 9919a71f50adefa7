"""The ways in: HTTP surfaces, the ledger surface, the command line."""
