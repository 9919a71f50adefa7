"""Webhooks of the back office: where events are announced to, what was delivered and what was given up."""
