"""How it meets the world: event store, embedded Postgres, tokens, settings."""
