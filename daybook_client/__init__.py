"""A client of Daybook: typed, for threads and for asyncio.

    from daybook_client import BearerToken, Client, transfers

    with Client("http://127.0.0.1:8000", BearerToken(token)) as bank:
        created = bank.send(transfers.create_internal("test_checking_123", "test_savings_456", "125.50"))
        print(created.transfer.status)

What can be asked is in a module for each surface: `transfers`, `cards`, `card_administration`, `ledger`,
`sandbox`, and those in `back_office`. Each function there makes a call, which `Client.send` and
`AsyncClient.send` send, and `each` reads lists to their end. Money is Decimal. `webhooks` tells whether a
message is the bank's.

A call that may be sent twice is tried again when nothing came back or the service was unavailable, under the
idempotency key that it was made with. To be safe after a crash of the caller, too, give a key of your own,
and keep it.
"""

from daybook_client import (
    back_office,
    card_administration,
    cards,
    errors,
    ledger,
    sandbox,
    transfers,
    webhooks,
)
from daybook_client.calls import CLEAR, Amount, Call, Listing, Page
from daybook_client.clients import AsyncClient, Client
from daybook_client.credentials import ApiKey, BearerToken, ClientCredentials, RefreshToken, Signing
from daybook_client.errors import DaybookError, Refused, TransportFailed
from daybook_client.retries import NEVER, Retries

__all__ = [
    "CLEAR",
    "NEVER",
    "Amount",
    "ApiKey",
    "AsyncClient",
    "BearerToken",
    "Call",
    "Client",
    "ClientCredentials",
    "DaybookError",
    "Listing",
    "Page",
    "RefreshToken",
    "Refused",
    "Retries",
    "Signing",
    "TransportFailed",
    "back_office",
    "card_administration",
    "cards",
    "errors",
    "ledger",
    "sandbox",
    "transfers",
    "webhooks",
]
