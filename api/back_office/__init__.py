"""The back office surface: accounts, transactions, users and reports of the bank's own staff."""
