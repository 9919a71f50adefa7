"""Customer money transfers: `/api/transfers-v2` and `/api/accounts/{id}/balance`."""
