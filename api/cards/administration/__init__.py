"""The cards surface's administration: cards, their limits and overrides, what was spent, webhooks."""
