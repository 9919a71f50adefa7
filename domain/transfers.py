"""A customer's transfer, to another account of the bank (internal) or to another bank (interbank).

    initiated ──> pending ──> processing ──> settled ──> reversed
        └───────────┴─> cancelled   └──────> failed

A transfer's hold lives with the transfer: it is placed when the transfer becomes pending, and captured or
released exactly once by the transfer's own next step.
"""

from datetime import datetime, time, timedelta
from typing import Literal, assert_never

import msgspec

from domain import errors
from domain.business_days import settlement_date
from domain.events import Event
from domain.money import Money

INTERNAL, INTERBANK = "internal", "interbank"
TransferType = Literal["internal", "interbank"]

INITIATED, PENDING, PROCESSING, SETTLED = "initiated", "pending", "processing", "settled"
CANCELLED, FAILED, REVERSED = "cancelled", "failed", "reversed"
STATUSES = (INITIATED, PENDING, PROCESSING, SETTLED, FAILED, CANCELLED, REVERSED)

CURRENCY = "USD"
FEE_BY_TYPE = {INTERNAL: Money(0, CURRENCY), INTERBANK: Money(2_50, CURRENCY)}
BUSINESS_DAYS_TO_SETTLE = {INTERNAL: 1, INTERBANK: 3}
SETTLEMENT_TIME_UTC = time(12)
PROCESSING_TIME = timedelta(hours=2)
MFA_ABOVE = Money(5_000_00, CURRENCY)
MFA_PATIENCE = timedelta(minutes=15)
MFA_ATTEMPTS_MAX = 5


class ExternalAccount(msgspec.Struct, frozen=True):
    """Where an interbank transfer goes."""

    bank_name: str
    routing_number: str
    account_number: str
    account_holder_name: str


class TransferCreated(Event, frozen=True):
    """Its funds are held from here on, unless `mfa_expires_at` says that a second factor comes first."""

    TOPIC = "transfer.created"
    transfer_id: str
    idempotency_key: str
    content_hash: str
    user_id: str
    transfer_type: TransferType
    from_account_id: str
    amount: Money
    fee: Money
    reference: str
    created_at: datetime
    scheduled_settlement_at: datetime
    to_account_id: str | None = None
    external: ExternalAccount | None = None
    memo: str | None = None
    mfa_expires_at: datetime | None = None

    @property
    def awaits_mfa(self) -> bool:
        return self.mfa_expires_at is not None


class TransferDeclined(Event, frozen=True):
    """A request that was decided and refused, with all that the decision saw (amounts in minor units)."""

    TOPIC = "transfer.declined"
    idempotency_key: str
    content_hash: str
    user_id: str
    code: str
    facts: dict[str, int | str]
    from_account_id: str
    amount: Money
    transfer_type: TransferType
    posted: int | None = None
    held: int | None = None
    tier: str | None = None


class MfaVerified(Event, frozen=True):
    TOPIC = "transfer.mfa_verified"


class MfaFailed(Event, frozen=True):
    TOPIC = "transfer.mfa_failed"


class MfaDeclined(Event, frozen=True):
    """The code was right, but the balance was short by then: the transfer stays initiated."""

    TOPIC = "transfer.mfa_declined"
    code: str
    facts: dict[str, int | str]


class TransferCancelled(Event, frozen=True):
    TOPIC = "transfer.cancelled"
    reason: Literal["requested", "mfa_attempts", "mfa_timeout"]


class ProcessingStarted(Event, frozen=True):
    TOPIC = "transfer.processing_started"


class TransferSettled(Event, frozen=True):
    TOPIC = "transfer.settled"


class TransferFailed(Event, frozen=True):
    TOPIC = "transfer.failed"
    reason: str


class TransferReversed(Event, frozen=True):
    """`reversed_by` is the back office's transaction that is the reversal."""

    TOPIC = "transfer.reversed"
    reason: str = ""
    reversed_by: str | None = None


TransferEvent = (
    TransferCreated
    | TransferDeclined
    | MfaVerified
    | MfaFailed
    | MfaDeclined
    | TransferCancelled
    | ProcessingStarted
    | TransferSettled
    | TransferFailed
    | TransferReversed
)


class Transfer(msgspec.Struct, frozen=True):
    """A transfer as decided so far. `created` carries its fixed terms."""

    created: TransferCreated
    status: str
    has_hold: bool
    mfa_verified: bool = False
    mfa_attempts: int = 0

    @property
    def total(self) -> Money:
        return self.created.amount + self.created.fee

    @property
    def requires_mfa(self) -> bool:
        return self.created.awaits_mfa

    @property
    def hold_id(self) -> str | None:
        """The hold that was placed for it, if one was."""
        return hold_id_of(self.created.transfer_id) if self.has_hold else None


class Declined(msgspec.Struct, frozen=True):
    """A request that was refused: its stream exists so that its key is used up."""

    content_hash: str
    code: str
    facts: dict[str, int | str]


TransferState = Transfer | Declined


def stream(transfer_id: str) -> str:
    return f"transfer-{transfer_id}"


def hold_id_of(transfer_id: str) -> str:
    """The id of the one hold that a transfer can have."""
    return "hold_" + transfer_id.removeprefix("tx_")


def scheduled_settlement(transfer_type: TransferType, created_at: datetime) -> datetime:
    day = settlement_date(created_at.date(), BUSINESS_DAYS_TO_SETTLE[transfer_type])
    return datetime.combine(day, SETTLEMENT_TIME_UTC, tzinfo=created_at.tzinfo)


def processing_due(scheduled_settlement_at: datetime) -> datetime:
    return scheduled_settlement_at - PROCESSING_TIME


def requires_mfa(amount: Money) -> bool:
    return amount > MFA_ABOVE


def refuse_unless_awaiting_mfa(transfer: Transfer) -> None:
    if transfer.status != INITIATED:
        raise errors.NotAwaitingMfa(transfer.status)


def has_mfa_expired(transfer: Transfer, at: datetime) -> bool:
    expires_at = transfer.created.mfa_expires_at
    return transfer.status == INITIATED and expires_at is not None and at >= expires_at


def fail_mfa(transfer: Transfer) -> tuple[MfaFailed] | tuple[MfaFailed, TransferCancelled]:
    """A wrong code; the fifth also cancels the transfer."""
    refuse_unless_awaiting_mfa(transfer)
    if transfer.mfa_attempts + 1 >= MFA_ATTEMPTS_MAX:
        return MfaFailed(), TransferCancelled("mfa_attempts")
    return (MfaFailed(),)


def verify_mfa(transfer: Transfer) -> MfaVerified:
    refuse_unless_awaiting_mfa(transfer)
    return MfaVerified()


def cancel(transfer: Transfer) -> TransferCancelled:
    if transfer.status not in (INITIATED, PENDING):
        raise errors.TransferNotCancellable(transfer.status)
    return TransferCancelled("requested")


def reverse(transfer: Transfer, reason: str, reversed_by: str | None = None) -> TransferReversed:
    if transfer.status != SETTLED:
        raise errors.TransferNotSettled(transfer.status)
    return TransferReversed(reason, reversed_by)


def evolve(transfer: TransferState | None, event: TransferEvent) -> TransferState:
    match event:
        case TransferCreated():
            return Transfer(event, INITIATED if event.awaits_mfa else PENDING, not event.awaits_mfa)
        case TransferDeclined():
            return Declined(event.content_hash, event.code, event.facts)
    assert isinstance(transfer, Transfer), "a transfer's first event creates or declines it"
    match event:
        case MfaVerified():
            return msgspec.structs.replace(transfer, status=PENDING, has_hold=True, mfa_verified=True)
        case MfaFailed():
            return msgspec.structs.replace(transfer, mfa_attempts=transfer.mfa_attempts + 1)
        case MfaDeclined():
            return transfer
        case TransferCancelled():
            return msgspec.structs.replace(transfer, status=CANCELLED)
        case ProcessingStarted():
            return msgspec.structs.replace(transfer, status=PROCESSING)
        case TransferSettled():
            return msgspec.structs.replace(transfer, status=SETTLED)
        case TransferFailed():
            return msgspec.structs.replace(transfer, status=FAILED)
        case TransferReversed():
            return msgspec.structs.replace(transfer, status=REVERSED)
        case _:
            assert_never(event)
