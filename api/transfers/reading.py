"""Reads that take several queries: read again where something was written in between, so that what is shown
together fits together."""

from api.transfers import bodies, documents
from domain import errors
from projections import (
    account_directory,
    balances,
    card_holds,
    holds,
    recent_postings,
    transfer_details,
    transfers,
)
from projections.read_model import Fetch

# Something may be written all the time; what is shown then is new, but may be of two neighbouring instants.
ATTEMPTS = 3

# The newest ones; their sum is shown whole, however many there are.
HOLDS_SHOWN_MAX = 100


async def transfer_detail(fetch: Fetch, user_id: str, transfer_id: str) -> documents.TransferDetail:
    """The user's transfer in full. Raises TransferNotFound, also where it is somebody else's."""
    view = await _transfer(fetch, user_id, transfer_id)
    for _ in range(ATTEMPTS):
        its_holds = await holds.of_transfer(fetch, transfer_id)
        entries = await transfer_details.ledger_entries(fetch, view)
        history = await transfer_details.history(fetch, view)
        again = await _transfer(fetch, user_id, transfer_id)
        if again.changed_position == view.changed_position:
            break
        view = again
    parties = (view.terms.from_account_id, view.terms.to_account_id)
    named = await account_directory.by_ids(fetch, [party for party in parties if party is not None])
    return bodies.transfer_detail(view, named, its_holds, entries, history)


async def _transfer(fetch: Fetch, user_id: str, transfer_id: str) -> transfers.TransferView:
    view = await transfers.one_of_user(fetch, user_id, transfer_id)
    if view is None:
        raise errors.TransferNotFound(transfer_id)
    return view


async def account_balance(fetch: Fetch, user_id: str, identifier: str) -> documents.AccountBalance:
    """The user's account. Raises AccountNotFound, also where it is somebody else's."""
    account = await account_directory.resolve(fetch, identifier)
    if account is None or account.owner_id != user_id:
        raise errors.AccountNotFound(identifier)
    balance = await _balance(fetch, account.account_id)
    for _ in range(ATTEMPTS):
        active = await _active_holds(fetch, account.account_id)
        incoming = await transfers.incoming_total(fetch, account.account_id)
        postings = await recent_postings.last_of_account(fetch, account.account_id)
        again = await _balance(fetch, account.account_id)
        if again.position == balance.position:
            break
        balance = again
    return bodies.account_balance(account, balance, incoming, active, postings)


async def _active_holds(fetch: Fetch, account_id: str) -> list[holds.Hold]:
    """Those of transfers and those of cards, newest first."""
    active = await holds.active_of_account(fetch, account_id, HOLDS_SHOWN_MAX)
    active += await card_holds.active_of_account(fetch, account_id, HOLDS_SHOWN_MAX)
    active.sort(key=lambda hold: hold.created_at, reverse=True)
    return active[:HOLDS_SHOWN_MAX]


async def _balance(fetch: Fetch, account_id: str) -> balances.Balance:
    balance = await balances.balance(fetch, account_id)
    if balance is None:
        raise errors.AccountNotFound(account_id)
    return balance
