"""The steps that time brings to a transfer. Each does nothing where it was done already or came to nothing,
so a timer that fires twice, or in two processes, is harmless."""

from datetime import datetime

import msgspec

from application import accounts as account_commands
from application.decision import Decision
from application.periods import first_open_instant
from application.transfers import give_back_allowance, release_hold
from domain import accounts, errors, transfers
from domain.accounts import Account
from domain.chart_of_accounts import ACH_CLEARING, FEE_REVENUE, TRANSFER_CLEARING
from domain.transfers import Transfer

NETWORK_REFUSED = "Interbank network returned the transfer: invalid routing number"
ACCOUNT_UNUSABLE = "Account is frozen or closed"


class TransferStep(msgspec.Struct, frozen=True):
    """`failing_routing_numbers` are those that the sandbox lets fail; none elsewhere."""

    transfer_id: str
    failing_routing_numbers: frozenset[str] = frozenset()

    def streams(self) -> tuple[str, ...]:
        return (transfers.stream(self.transfer_id),)


def start_processing(decision: Decision, command: TransferStep) -> str | None:
    """Answers the transfer's status afterwards, None where there is no such transfer."""
    transfer = _transfer(decision, command)
    if transfer is None or transfer.status != transfers.PENDING:
        return transfer.status if transfer else None
    source, destination = _parties(decision, transfer)
    reason = _reason_to_fail(command, transfer, source, destination)
    stream = transfers.stream(command.transfer_id)
    decision.record(stream, transfers.ProcessingStarted())
    if reason is not None:
        _fail(decision, transfer, reason)
        return transfers.FAILED
    return transfers.PROCESSING


def settle(decision: Decision, command: TransferStep) -> str | None:
    """Captures the hold and moves the money, or fails the transfer where its destination was closed."""
    transfer = _transfer(decision, command)
    if transfer is None or transfer.status != transfers.PROCESSING:
        return transfer.status if transfer else None
    source, destination = _parties(decision, transfer)
    if destination is not None and destination.status == accounts.CLOSED:
        _fail(decision, transfer, ACCOUNT_UNUSABLE)
        return transfers.FAILED
    effective_at = first_open_instant(decision)
    _take_from(decision, transfer, source, effective_at)
    if destination is not None:
        _give_to(decision, transfer, destination, effective_at)
    decision.record(transfers.stream(command.transfer_id), transfers.TransferSettled())
    return transfers.SETTLED


def expire_mfa(decision: Decision, command: TransferStep) -> str | None:
    """Cancels a transfer whose second factor did not come in time."""
    transfer = _transfer(decision, command)
    if transfer is None or not transfers.has_mfa_expired(transfer, decision.at):
        return transfer.status if transfer else None
    decision.need(accounts.stream(transfer.created.from_account_id))
    decision.record(transfers.stream(command.transfer_id), transfers.TransferCancelled("mfa_timeout"))
    give_back_allowance(decision, transfer)
    return transfers.CANCELLED


class ReverseTransfer(msgspec.Struct, frozen=True):
    """`reversed_by` is the back office's transaction that is the reversal."""

    transfer_id: str
    reason: str = ""
    reversed_by: str | None = None

    def streams(self) -> tuple[str, ...]:
        return (transfers.stream(self.transfer_id),)


def reverse_transfer(decision: Decision, command: ReverseTransfer) -> str:
    """Moves a settled transfer's money back, fee included. Refuses where the payee's funds are gone."""
    transfer = decision.load(transfers.stream(command.transfer_id))
    if not isinstance(transfer, Transfer):
        raise errors.TransferNotFound(command.transfer_id)
    reversed_event = transfers.reverse(transfer, command.reason, command.reversed_by)
    source, destination = _parties(decision, transfer)
    created, reference = transfer.created, command.transfer_id
    contra = ACH_CLEARING if destination is None else TRANSFER_CLEARING
    if destination is not None:
        taken = accounts.debit(
            destination, created.amount, contra=contra, kind="reversal", reference=reference
        )
        decision.record(accounts.stream(destination.account_id), taken)
    returned = accounts.credit(source, created.amount, contra=contra, kind="reversal", reference=reference)
    decision.record(accounts.stream(source.account_id), returned)
    if created.fee:
        source = _account(decision, source.account_id)
        fee = accounts.credit(source, created.fee, contra=FEE_REVENUE, kind="reversal", reference=reference)
        decision.record(accounts.stream(source.account_id), fee)
    decision.record(transfers.stream(reference), reversed_event)
    return transfers.REVERSED


def _transfer(decision: Decision, command: TransferStep) -> Transfer | None:
    transfer = decision.load(transfers.stream(command.transfer_id))
    return transfer if isinstance(transfer, Transfer) else None


def _parties(decision: Decision, transfer: Transfer) -> tuple[Account, Account | None]:
    created = transfer.created
    streams = [accounts.stream(created.from_account_id)]
    if created.to_account_id is not None:
        streams.append(accounts.stream(created.to_account_id))
    decision.need(*streams)
    source = _account(decision, created.from_account_id)
    return source, None if created.to_account_id is None else _account(decision, created.to_account_id)


def _account(decision: Decision, account_id: str) -> Account:
    return account_commands.require(decision, account_id)


def _reason_to_fail(
    command: TransferStep, transfer: Transfer, source: Account, destination: Account | None
) -> str | None:
    external = transfer.created.external
    if external is not None and external.routing_number in command.failing_routing_numbers:
        return NETWORK_REFUSED
    parties = (source, destination)
    if any(account is not None and account.status != accounts.ACTIVE for account in parties):
        return ACCOUNT_UNUSABLE
    return None


def _fail(decision: Decision, transfer: Transfer, reason: str) -> None:
    release_hold(decision, transfer)
    decision.record(transfers.stream(transfer.created.transfer_id), transfers.TransferFailed(reason))
    give_back_allowance(decision, transfer)


def _take_from(
    decision: Decision, transfer: Transfer, source: Account, effective_at: datetime | None
) -> None:
    created, reference = transfer.created, transfer.created.transfer_id
    assert transfer.hold_id is not None, "a transfer that is being processed has its hold"
    stream = accounts.stream(source.account_id)
    decision.record(
        stream,
        accounts.capture_hold(source, transfer.total, hold_id=transfer.hold_id, reference=reference),
    )
    contra = TRANSFER_CLEARING if created.to_account_id else ACH_CLEARING
    debited = accounts.debit_captured(
        decision.load(stream),
        created.amount,
        contra=contra,
        kind="transfer",
        reference=reference,
        description=created.memo or "",
    )
    decision.record(stream, debited, effective_at=effective_at)
    if created.fee:
        fee = accounts.debit_captured(
            decision.load(stream), created.fee, contra=FEE_REVENUE, kind="fee", reference=reference
        )
        decision.record(stream, fee, effective_at=effective_at)


def _give_to(
    decision: Decision, transfer: Transfer, destination: Account, effective_at: datetime | None
) -> None:
    credited = accounts.credit(
        destination,
        transfer.created.amount,
        contra=TRANSFER_CLEARING,
        kind="transfer",
        reference=transfer.created.transfer_id,
        description=transfer.created.memo or "",
    )
    decision.record(accounts.stream(destination.account_id), credited, effective_at=effective_at)
