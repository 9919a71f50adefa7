"""Decisions and holds as they are asked for: by their ids, or page by page."""

from datetime import datetime

from api.cards import bodies, documents
from api.cards.pages import Page, page_of
from api.cards.requests import HoldsWish
from domain import authorizations, errors
from domain.authorizations import Authorization, Ruling
from projections import account_directory, card_holds
from projections import authorizations as recorded
from projections.read_model import Fetch


async def decision(fetch: Fetch, decision_id: int, now: datetime) -> Ruling:
    """The decision as it was made, whatever came of it later. Raises AuthorizationNotFound."""
    found = await recorded.as_decided(fetch, decision_id)
    if found is not None:
        return found.ruling
    # That a challenge is over is true by the clock, whether or not it was recorded yet.
    latest = await recorded.latest(fetch, authorizations.request_id_of_expiry(decision_id))
    ruling = None if latest is None else _by_the_clock(latest, now)
    if ruling is None or ruling.decision_id != decision_id:
        raise errors.AuthorizationNotFound(decision_id)
    return ruling


async def latest_decision(fetch: Fetch, request_id: int, now: datetime) -> Ruling:
    """Raises AuthorizationNotFound."""
    latest = await recorded.latest(fetch, request_id)
    if latest is None:
        raise errors.AuthorizationNotFound(request_id)
    return _by_the_clock(latest, now)


def _by_the_clock(latest: Authorization, now: datetime) -> Ruling:
    if authorizations.has_challenge_expired(latest, now):
        return authorizations.expire_challenge(latest).ruling
    return latest.ruling


async def hold(fetch: Fetch, hold_id: int) -> documents.CardHold:
    """Raises HoldNotFound."""
    view = await card_holds.by_id(fetch, hold_id)
    if view is None:
        raise errors.HoldNotFound(hold_id)
    return bodies.hold(view.hold, view.updated_at)


async def holds(fetch: Fetch, wish: HoldsWish) -> Page[documents.CardHold]:
    """Newest first. Raises AccountNotFound."""
    account = await account_directory.resolve(fetch, wish.account)
    if account is None:
        raise errors.AccountNotFound(wish.account)
    found = await card_holds.of_account(
        fetch,
        account.account_id,
        status=wish.status,
        created_from=wish.created.start,
        created_before=wish.created.end,
        offset=wish.page.offset,
        limit=wish.page.size,
    )
    shown = [bodies.hold(view.hold, view.updated_at) for view in found.holds]
    return page_of(shown, wish.page, found.total)
