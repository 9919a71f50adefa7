"""Commands on card holds: capture, release, let them expire."""

import msgspec

from application import accounts as account_commands
from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import accounts, authorizations, cards, errors, holds
from domain.cards import SpendingReturned
from domain.chart_of_accounts import CARD_SETTLEMENT
from domain.errors import DomainError
from domain.holds import Hold, HoldExpired, HoldReleased
from domain.money import Money


class CaptureHold(msgspec.Struct, frozen=True):
    """Without `is_final` what is left stays held. `reference` is the settlement's, as the caller gave it."""

    hold_id: int
    amount: Money
    reference: str
    is_final: bool = True
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.hold_id, self.key)


class ChangedHold(msgspec.Struct, frozen=True):
    """The hold after the change; `changed_at` as ISO 8601."""

    hold: Hold
    changed_at: str


def capture_hold(decision: Decision, command: CaptureHold) -> ChangedHold | DomainError:
    """Raises HoldNotFound; refuses with HoldNotActive, CaptureCurrencyMismatch or CaptureExceedsHold."""
    return once(decision, command.key, ChangedHold, lambda: _capture(decision, command))


def _capture(decision: Decision, command: CaptureHold) -> ChangedHold | DomainError:
    hold = _require(decision, command.hold_id)
    if holds.has_run_out(hold, decision.at):
        return _run_out(decision, hold)
    captured = holds.capture(hold, command.amount, command.reference, is_final=command.is_final)
    placed = hold.placed
    account_stream = accounts.stream(placed.account_id)
    decision.need(account_stream, cards.stream(placed.card_id))
    reference = authorizations.stream(placed.request_id)
    account = account_commands.require(decision, placed.account_id)
    decision.record(holds.stream(command.hold_id), captured)
    decision.record(
        account_stream,
        accounts.capture_hold(account, captured.amount, hold_id=str(placed.hold_id), reference=reference),
    )
    debited = accounts.debit_captured(
        decision.load(account_stream),
        captured.amount,
        contra=CARD_SETTLEMENT,
        kind="card",
        reference=reference,
        description=placed.merchant_name,
    )
    decision.record(account_stream, debited)
    if captured.released:
        rest = Money(captured.released, captured.amount.currency)
        _return(decision, hold, rest, still_counted=captured.captured)
    return _changed(decision, command.hold_id)


class ReleaseHold(msgspec.Struct, frozen=True):
    hold_id: int
    reason: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.hold_id, self.key)


class ReleasedHold(msgspec.Struct, frozen=True):
    """The account after the release, in minor units; `released_at` as ISO 8601."""

    card_account_id: int
    card_account_space_id: int
    available: int
    held: int
    posted: int
    currency: str
    released_at: str


def release_hold(decision: Decision, command: ReleaseHold) -> ReleasedHold | DomainError:
    """Raises HoldNotFound; refuses with HoldNotActive."""
    return once(decision, command.key, ReleasedHold, lambda: _release(decision, command))


def _release(decision: Decision, command: ReleaseHold) -> ReleasedHold | DomainError:
    hold = _require(decision, command.hold_id)
    if holds.has_run_out(hold, decision.at):
        return _run_out(decision, hold)
    free_what_is_held(decision, hold, holds.release(hold, command.reason))
    account = account_commands.require(decision, hold.placed.account_id)
    return ReleasedHold(
        hold.placed.card_account_id,
        hold.placed.card_account_space_id,
        account.available,
        account.held,
        account.posted,
        account.currency,
        decision.at.isoformat(),
    )


class ExpireHold(msgspec.Struct, frozen=True):
    hold_id: int

    def streams(self) -> tuple[str, ...]:
        return _streams(self.hold_id, None)


def expire_hold(decision: Decision, command: ExpireHold) -> str | None:
    """Ends a hold whose time is over; anything else stays as it is."""
    hold: Hold | None = decision.load(holds.stream(command.hold_id))
    if hold is None or not holds.has_run_out(hold, decision.at):
        return None
    free_what_is_held(decision, hold, holds.expire(hold))
    return holds.EXPIRED


def free_what_is_held(decision: Decision, hold: Hold, ended: HoldReleased | HoldExpired) -> None:
    """Records the hold's end, and gives what was left of it back to account and card."""
    placed = hold.placed
    decision.need(accounts.stream(placed.account_id), cards.stream(placed.card_id))
    decision.record(holds.stream(placed.hold_id), ended)
    _return(decision, hold, ended.amount, still_counted=hold.captured)


def _return(decision: Decision, hold: Hold, rest: Money, *, still_counted: int) -> None:
    placed = hold.placed
    stream = accounts.stream(placed.account_id)
    released = accounts.release_hold(
        decision.load(stream),
        rest,
        hold_id=str(placed.hold_id),
        reference=authorizations.stream(placed.request_id),
        description=placed.merchant_name,
    )
    decision.record(stream, released)
    returned = SpendingReturned(
        placed.request_id, placed.channel, placed.category, rest.minor, placed.placed_at, still_counted
    )
    decision.record(cards.stream(placed.card_id), returned)


def _run_out(decision: Decision, hold: Hold) -> DomainError:
    """By the clock it is over, though its timer has not fired yet."""
    free_what_is_held(decision, hold, holds.expire(hold))
    return errors.HoldNotActive(holds.EXPIRED)


def _require(decision: Decision, hold_id: int) -> Hold:
    hold: Hold | None = decision.load(holds.stream(hold_id))
    if hold is None:
        raise errors.HoldNotFound(hold_id)
    return hold


def _streams(hold_id: int, key: RequestKey | None) -> tuple[str, ...]:
    own = (holds.stream(hold_id),)
    return own if key is None else (*own, key.stream)


def _changed(decision: Decision, hold_id: int) -> ChangedHold:
    return ChangedHold(_require(decision, hold_id), decision.at.isoformat())
