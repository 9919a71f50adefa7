"""The audit log: who called, what for, and what came of it."""
