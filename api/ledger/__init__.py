"""The ledger's own surface: for auditors and finance."""
