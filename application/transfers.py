"""Commands on transfers: create, verify the second factor, cancel.

What was decided and refused is a fact too: such refusals are recorded, and returned instead of raised.
"""

import msgspec

from application import accounts as account_commands
from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import accounts, allowances, errors, transfers
from domain.accounts import Account
from domain.errors import DomainError
from domain.money import Money
from domain.transfers import ExternalAccount, Transfer, TransferCreated, TransferType


class CreateTransfer(msgspec.Struct, frozen=True):
    """`transfer_id` is derived from the user and the key: the transfer's stream is the key's memory.

    Accounts are named by any of their identifiers. `to_account` is given for internal transfers,
    `external` for interbank ones.
    """

    transfer_id: str
    idempotency_key: str
    content_hash: str
    user_id: str
    transfer_type: TransferType
    from_account: str
    amount: Money
    reference_suffix: str
    to_account: str | None = None
    external: ExternalAccount | None = None
    memo: str | None = None

    def streams(self) -> tuple[str, ...]:
        own = (
            transfers.stream(self.transfer_id),
            accounts.stream(self.from_account),
            allowances.stream(self.user_id),
        )
        return own if self.to_account is None else (*own, accounts.stream(self.to_account))


class CreatedAnswer(msgspec.Struct, frozen=True):
    transfer: Transfer
    is_replay: bool


def create_transfer(decision: Decision, command: CreateTransfer) -> CreatedAnswer | DomainError:
    """Creates the transfer, or records why not; asked again, the transfer as it is now, or the refusal."""
    stream = transfers.stream(command.transfer_id)
    existing: transfers.TransferState | None = decision.load(stream)
    if existing is not None:
        return _replayed(existing, command)
    try:
        source, destination = _parties(decision, command)
        taken = _take_allowance(decision, command, source)
        created = _terms(decision, command, source, destination)
        held = _hold(source, created)
    except DomainError as refusal:
        decision.record(stream, _declined(decision, command, refusal))
        return refusal
    decision.record(stream, created)
    if not created.awaits_mfa:
        decision.record(accounts.stream(source.account_id), held)
    decision.record(allowances.stream(command.user_id), taken)
    return CreatedAnswer(decision.load(stream), is_replay=False)


def _replayed(existing: transfers.TransferState, command: CreateTransfer) -> CreatedAnswer | DomainError:
    if isinstance(existing, transfers.Declined):
        if existing.content_hash != command.content_hash:
            raise errors.IdempotencyConflict
        return errors.restore(existing.code, existing.facts)
    if existing.created.content_hash != command.content_hash:
        raise errors.IdempotencyConflict
    return CreatedAnswer(existing, is_replay=True)


def _parties(decision: Decision, command: CreateTransfer) -> tuple[Account, Account | None]:
    source = account_commands.find(decision, command.from_account)
    if source is None or source.owner_id != command.user_id or source.currency != transfers.CURRENCY:
        raise errors.InvalidFromAccount
    destination = None
    if command.to_account is not None:
        destination = account_commands.find(decision, command.to_account)
        if destination is None or destination.currency != transfers.CURRENCY:
            raise errors.InvalidToAccount
        if destination.account_id == source.account_id:
            raise errors.SameAccount
    for account in (source, destination):
        if account is not None:
            _refuse_inactive(account)
    return source, destination


def _refuse_inactive(account: Account) -> None:
    if account.status == accounts.CLOSED:
        raise errors.AccountClosed(account.account_id)
    if account.status == accounts.FROZEN:
        raise errors.AccountFrozen(account.account_id)


def _take_allowance(
    decision: Decision, command: CreateTransfer, source: Account
) -> allowances.AllowanceTaken:
    allowance = decision.load(allowances.stream(command.user_id)) or allowances.Allowance()
    return allowances.take(
        allowance,
        transfer_id=command.transfer_id,
        transfer_type=command.transfer_type,
        amount=command.amount.minor,
        at=decision.at,
        savings_account_id=_savings_account_id(source),
    )


def _savings_account_id(source: Account) -> str | None:
    return source.account_id if source.account_type == "savings" else None


def _terms(
    decision: Decision, command: CreateTransfer, source: Account, destination: Account | None
) -> TransferCreated:
    awaits_mfa = transfers.requires_mfa(command.amount)
    return TransferCreated(
        transfer_id=command.transfer_id,
        idempotency_key=command.idempotency_key,
        content_hash=command.content_hash,
        user_id=command.user_id,
        transfer_type=command.transfer_type,
        from_account_id=source.account_id,
        amount=command.amount,
        fee=transfers.FEE_BY_TYPE[command.transfer_type],
        reference=f"FTZ{decision.at:%y%m%d}{command.reference_suffix}",
        created_at=decision.at,
        scheduled_settlement_at=transfers.scheduled_settlement(command.transfer_type, decision.at),
        to_account_id=destination.account_id if destination else None,
        external=command.external,
        memo=command.memo,
        mfa_expires_at=decision.at + transfers.MFA_PATIENCE if awaits_mfa else None,
    )


def _hold(source: Account, created: TransferCreated) -> accounts.HoldPlaced:
    """The hold of amount and fee. Where a second factor comes first, this only checks the balance."""
    return accounts.place_hold(
        source,
        created.amount + created.fee,
        hold_id=transfers.hold_id_of(created.transfer_id),
        reference=created.transfer_id,
        fee=created.fee.minor,
        description=created.memo or "",
    )


def _declined(
    decision: Decision, command: CreateTransfer, refusal: DomainError
) -> transfers.TransferDeclined:
    source = account_commands.find(decision, command.from_account)
    is_own = source is not None and source.owner_id == command.user_id
    allowance: allowances.Allowance | None = decision.load(allowances.stream(command.user_id))
    return transfers.TransferDeclined(
        idempotency_key=command.idempotency_key,
        content_hash=command.content_hash,
        user_id=command.user_id,
        code=refusal.code,
        facts=refusal.facts(),
        from_account_id=command.from_account,
        amount=command.amount,
        transfer_type=command.transfer_type,
        posted=source.posted if source and is_own else None,
        held=source.held if source and is_own else None,
        tier=allowance.tier if allowance else allowances.STANDARD,
    )


class VerifyMfa(msgspec.Struct, frozen=True):
    """`is_code_valid` was found out before: secrets and codes never reach the log."""

    transfer_id: str
    user_id: str
    is_code_valid: bool
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams_of_change(self.transfer_id, self.user_id, self.key)


class CancelTransfer(msgspec.Struct, frozen=True):
    transfer_id: str
    user_id: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams_of_change(self.transfer_id, self.user_id, self.key)


class ChangedAnswer(msgspec.Struct, frozen=True):
    """`updated_at` as ISO 8601; `mfa_verified` says whether a second factor was given."""

    transfer_id: str
    status: str
    mfa_verified: bool
    updated_at: str


def _streams_of_change(transfer_id: str, user_id: str, key: RequestKey | None) -> tuple[str, ...]:
    own = (transfers.stream(transfer_id), allowances.stream(user_id))
    return own if key is None else (*own, key.stream)


def verify_mfa(decision: Decision, command: VerifyMfa) -> ChangedAnswer | DomainError:
    transfer = _of_user(decision, command.transfer_id, command.user_id)
    return once(decision, command.key, ChangedAnswer, lambda: _verify_mfa(decision, command, transfer))


def _verify_mfa(decision: Decision, command: VerifyMfa, transfer: Transfer) -> ChangedAnswer | DomainError:
    stream = transfers.stream(command.transfer_id)
    if transfers.has_mfa_expired(transfer, decision.at):
        _end_unverified(decision, transfer, transfers.TransferCancelled("mfa_timeout"))
        return errors.NotAwaitingMfa(transfers.CANCELLED)
    transfers.refuse_unless_awaiting_mfa(transfer)
    if not command.is_code_valid:
        failed, *cancelled = transfers.fail_mfa(transfer)
        decision.record(stream, failed)
        for event in cancelled:
            _end_unverified(decision, transfer, event)
        return errors.InvalidMfaCode(transfer.mfa_attempts + 1)
    source = _account(decision, transfer.created.from_account_id)
    try:
        held = _hold(source, transfer.created)
    except DomainError as refusal:
        decision.record(stream, transfers.MfaDeclined(refusal.code, refusal.facts()))
        return refusal
    decision.record(stream, transfers.verify_mfa(transfer))
    decision.record(accounts.stream(source.account_id), held)
    return _changed(decision, command.transfer_id)


def _end_unverified(decision: Decision, transfer: Transfer, cancelled: transfers.TransferCancelled) -> None:
    decision.record(transfers.stream(transfer.created.transfer_id), cancelled)
    give_back_allowance(decision, transfer)


def cancel_transfer(decision: Decision, command: CancelTransfer) -> ChangedAnswer | DomainError:
    transfer = _of_user(decision, command.transfer_id, command.user_id)
    return once(decision, command.key, ChangedAnswer, lambda: _cancel(decision, command, transfer))


def _cancel(decision: Decision, command: CancelTransfer, transfer: Transfer) -> ChangedAnswer:
    cancelled = transfers.cancel(transfer)
    release_hold(decision, transfer)
    decision.record(transfers.stream(command.transfer_id), cancelled)
    give_back_allowance(decision, transfer)
    return _changed(decision, command.transfer_id)


def _of_user(decision: Decision, transfer_id: str, user_id: str) -> Transfer:
    transfer: transfers.TransferState | None = decision.load(transfers.stream(transfer_id))
    if not isinstance(transfer, Transfer) or transfer.created.user_id != user_id:
        raise errors.TransferNotFound(transfer_id)
    return transfer


def _account(decision: Decision, account_id: str) -> Account:
    return account_commands.require(decision, account_id)


def _changed(decision: Decision, transfer_id: str) -> ChangedAnswer:
    transfer: Transfer = decision.load(transfers.stream(transfer_id))
    return ChangedAnswer(transfer_id, transfer.status, transfer.mfa_verified, decision.at.isoformat())


def release_hold(decision: Decision, transfer: Transfer) -> None:
    if transfer.hold_id is None:
        return
    source = _account(decision, transfer.created.from_account_id)
    released = accounts.release_hold(
        source,
        transfer.total,
        hold_id=transfer.hold_id,
        reference=transfer.created.transfer_id,
        description=transfer.created.memo or "",
    )
    decision.record(accounts.stream(source.account_id), released)


def give_back_allowance(decision: Decision, transfer: Transfer) -> None:
    created = transfer.created
    source = _account(decision, created.from_account_id)
    taken = allowances.AllowanceTaken(
        created.transfer_id,
        created.transfer_type,
        created.amount.minor,
        created.created_at,
        _savings_account_id(source),
    )
    decision.record(allowances.stream(created.user_id), allowances.give_back(taken))
