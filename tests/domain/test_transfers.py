"""A transfer's way through its statuses, and what is refused on it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import errors, transfers
from domain.money import Money
from domain.transfers import (
    MfaDeclined,
    MfaFailed,
    MfaVerified,
    ProcessingStarted,
    Transfer,
    TransferCancelled,
    TransferCreated,
    TransferDeclined,
    TransferFailed,
    TransferReversed,
    TransferSettled,
)
from tests.domain.story import fold, subject

given = subject(transfers.evolve)

MONDAY = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)


def created(**terms: Any) -> TransferCreated:
    default: dict[str, Any] = {
        "transfer_id": "tx_1",
        "idempotency_key": "key",
        "content_hash": "hash",
        "user_id": "ann",
        "transfer_type": "internal",
        "from_account_id": "a",
        "amount": Money(100, "USD"),
        "fee": Money(0, "USD"),
        "reference": "FTZ",
        "created_at": MONDAY,
        "scheduled_settlement_at": MONDAY,
        "to_account_id": "b",
    }
    return TransferCreated(**{**default, **terms})


PENDING = created()
INITIATED = created(mfa_expires_at=MONDAY + timedelta(minutes=15))
WRONG = MfaFailed()
HISTORIES: dict[str, tuple[Any, ...]] = {
    "initiated": (INITIATED,),
    "pending": (PENDING,),
    "processing": (PENDING, ProcessingStarted()),
    "settled": (PENDING, ProcessingStarted(), TransferSettled()),
    "failed": (PENDING, ProcessingStarted(), TransferFailed("no such bank")),
    "cancelled": (PENDING, TransferCancelled("requested")),
    "reversed": (PENDING, ProcessingStarted(), TransferSettled(), TransferReversed()),
}


def test_every_status_is_reached_by_its_history() -> None:
    assert {fold(transfers.evolve, *history).status for history in HISTORIES.values()} == set(
        transfers.STATUSES
    )
    for status, history in HISTORIES.items():
        assert fold(transfers.evolve, *history).status == status


@pytest.mark.parametrize("status", HISTORIES)
def test_only_what_is_initiated_or_pending_can_be_cancelled(status: str) -> None:
    cancelling = given(*HISTORIES[status]).when(transfers.cancel)
    if status in ("initiated", "pending"):
        cancelling.then(TransferCancelled("requested"))
    else:
        cancelling.refused(errors.TransferNotCancellable(status))


@pytest.mark.parametrize("status", HISTORIES)
def test_only_what_is_initiated_awaits_a_second_factor(status: str) -> None:
    verifying = given(*HISTORIES[status]).when(transfers.verify_mfa)
    failing = given(*HISTORIES[status]).when(transfers.fail_mfa)
    if status == "initiated":
        verifying.then(MfaVerified())
        failing.then(WRONG)
    else:
        verifying.refused(errors.NotAwaitingMfa(status))
        failing.refused(errors.NotAwaitingMfa(status))


@pytest.mark.parametrize("status", HISTORIES)
def test_only_what_is_settled_can_be_reversed(status: str) -> None:
    reversing = given(*HISTORIES[status]).when(transfers.reverse, "by mistake")
    if status == "settled":
        reversing.then(TransferReversed("by mistake"))
    else:
        reversing.refused(errors.TransferNotSettled(status))


def test_the_fifth_wrong_code_cancels() -> None:
    given(INITIATED, *[WRONG] * 3).when(transfers.fail_mfa).then(WRONG)
    given(INITIATED, *[WRONG] * 4).when(transfers.fail_mfa).then(WRONG, TransferCancelled("mfa_attempts"))


def test_a_right_code_makes_it_pending_with_its_hold() -> None:
    state: Transfer = fold(transfers.evolve, INITIATED, WRONG, MfaVerified())
    assert (state.status, state.hold_id, state.mfa_verified) == ("pending", "hold_1", True)
    assert state.requires_mfa


def test_a_right_code_without_the_money_leaves_it_as_it_is() -> None:
    state: Transfer = fold(transfers.evolve, INITIATED, MfaDeclined("insufficient_funds", {}))
    assert (state.status, state.hold_id, state.mfa_verified) == ("initiated", None, False)


def test_a_second_factor_is_waited_for_for_fifteen_minutes() -> None:
    state: Transfer = fold(transfers.evolve, INITIATED)
    due = MONDAY + timedelta(minutes=15)
    assert not transfers.has_mfa_expired(state, due - timedelta(microseconds=1))
    assert transfers.has_mfa_expired(state, due)
    verified: Transfer = fold(transfers.evolve, INITIATED, MfaVerified())
    assert not transfers.has_mfa_expired(verified, due)
    assert not transfers.has_mfa_expired(fold(transfers.evolve, PENDING), due)


def test_more_than_five_thousand_needs_a_second_factor() -> None:
    assert not transfers.requires_mfa(Money(5_000_00, "USD"))
    assert transfers.requires_mfa(Money(5_000_01, "USD"))


def test_the_total_is_the_amount_and_the_fee() -> None:
    state: Transfer = fold(transfers.evolve, created(fee=Money(250, "USD")))
    assert state.total == Money(350, "USD")
    fees = {kind: fee.minor for kind, fee in transfers.FEE_BY_TYPE.items()}
    assert fees == {"internal": 0, "interbank": 250}


def test_a_declined_request_remembers_why() -> None:
    declined = TransferDeclined(
        "key", "hash", "ann", "insufficient_funds", {"fee": 0}, "a", Money(100, "USD"), "internal"
    )
    assert fold(transfers.evolve, declined) == transfers.Declined("hash", "insufficient_funds", {"fee": 0})


@pytest.mark.parametrize(
    ("kind", "made_at", "settles_at"),
    [
        ("internal", "2025-10-20T15:30:00", "2025-10-21T12:00:00"),
        ("interbank", "2025-10-20T15:30:00", "2025-10-23T12:00:00"),
        ("internal", "2025-10-24T23:59:59", "2025-10-27T12:00:00"),
        ("internal", "2025-10-25T00:00:00", "2025-10-28T12:00:00"),
        ("interbank", "2025-10-25T00:00:00", "2025-10-30T12:00:00"),
    ],
)
def test_it_settles_at_noon_after_its_business_days(kind: Any, made_at: str, settles_at: str) -> None:
    settles = transfers.scheduled_settlement(kind, datetime.fromisoformat(made_at).replace(tzinfo=UTC))
    assert settles == datetime.fromisoformat(settles_at).replace(tzinfo=UTC)
    assert transfers.processing_due(settles) == settles - timedelta(hours=2)
