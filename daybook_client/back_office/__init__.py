"""The back office, a module for each subject: what a bank's own staff and systems ask."""

from daybook_client.back_office import (
    accounts,
    audit_log,
    oauth_clients,
    reports,
    transactions,
    users,
    webhook_subscriptions,
)

__all__ = [
    "accounts",
    "audit_log",
    "oauth_clients",
    "reports",
    "transactions",
    "users",
    "webhook_subscriptions",
]
