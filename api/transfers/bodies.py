"""What the transfers surface answers: exact amounts with two digits, times cut to whole seconds."""

from datetime import datetime
from typing import Any

from msgspec import UNSET, Raw

from api.amounts import amount_of
from api.instants import whole_seconds
from api.transfers import documents
from api.transfers.errors import number
from application.transfers import ChangedAnswer
from domain import transfers
from domain.money import Money
from domain.transfers import Transfer, TransferCreated
from projections.account_directory import DirectoryEntry
from projections.balances import Balance
from projections.holds import Hold
from projections.recent_postings import RecentPosting
from projections.transfer_details import LedgerEntry, StatusChange
from projections.transfers import TransferPage, TransferView

PROGRESS = {transfers.INITIATED: 25, transfers.PENDING: 50, transfers.PROCESSING: 75}
PROGRESS_AT_THE_END = 100
SETTLEMENT_ESTIMATES = {transfers.INTERNAL: "1 business day", transfers.INTERBANK: "3 business days"}

CREATED_MESSAGE = "Transfer initiated successfully"
REPLAYED_MESSAGE = "Transfer already exists (idempotent request)"
CANCELLED_MESSAGE = "Transfer cancelled successfully"
VERIFIED_MESSAGE = "MFA verified successfully - transfer is now pending"


def masked(account_number: str) -> str:
    return "*" * (len(account_number) - 4) + account_number[-4:]


def created_answer(transfer: Transfer, *, is_replay: bool) -> documents.TransferCreatedAnswer:
    created = transfer.created
    return documents.TransferCreatedAnswer(
        documents.CreatedTransfer(
            **_terms(created),
            status=transfer.status,  # type: ignore[arg-type]  # one of the statuses
            requires_mfa=transfer.requires_mfa,
            mfa_verified=transfer.mfa_verified,
        ),
        REPLAYED_MESSAGE if is_replay else CREATED_MESSAGE,
        transfer.requires_mfa,
        SETTLEMENT_ESTIMATES[created.transfer_type],
        number(created.fee.minor),
    )


def _terms(created: TransferCreated) -> dict[str, Any]:
    return {
        "id": created.transfer_id,
        "idempotency_key": created.idempotency_key,
        "user_id": created.user_id,
        "from_account_id": created.from_account_id,
        **_destination(created),
        "amount": number(created.amount.minor),
        "fee": number(created.fee.minor),
        "currency": created.amount.currency,
        "transfer_type": created.transfer_type,
        "memo": created.memo,
        "reference": created.reference,
        "scheduled_settlement_at": whole_seconds(created.scheduled_settlement_at),
        "created_at": whole_seconds(created.created_at),
    }


def _destination(created: TransferCreated) -> dict[str, Any]:
    external = created.external
    if external is None:
        return {"to_account_id": created.to_account_id}
    return {
        "external_bank_name": external.bank_name,
        "external_routing_number": external.routing_number,
        "external_account_number": masked(external.account_number),
        "external_account_holder_name": external.account_holder_name,
    }


def cancelled_answer(changed: ChangedAnswer) -> documents.TransferCancelledAnswer:
    updated_at = whole_seconds(datetime.fromisoformat(changed.updated_at))
    transfer = documents.CancelledTransfer(changed.transfer_id, changed.status, updated_at)  # type: ignore[arg-type]
    return documents.TransferCancelledAnswer(CANCELLED_MESSAGE, transfer)


def verified_answer(changed: ChangedAnswer) -> documents.MfaVerifiedAnswer:
    updated_at = whole_seconds(datetime.fromisoformat(changed.updated_at))
    transfer = documents.VerifiedTransfer(
        changed.transfer_id,
        changed.status,  # type: ignore[arg-type]  # one of the statuses
        changed.mfa_verified,
        updated_at,
    )
    return documents.MfaVerifiedAnswer(VERIFIED_MESSAGE, transfer)


def transfer_list(page: TransferPage) -> documents.TransferList:
    return documents.TransferList([_listed(view) for view in page.transfers], page.next_cursor)


def _listed(view: TransferView) -> documents.ListedTransfer:
    terms = view.terms
    return documents.ListedTransfer(
        id=view.transfer_id,
        from_account_id=terms.from_account_id,
        to_account_id=UNSET if terms.to_account_id is None else terms.to_account_id,
        external_bank_name=UNSET if terms.external is None else terms.external.bank_name,
        amount=number(terms.amount.minor),
        fee=number(terms.fee.minor),
        transfer_type=terms.transfer_type,
        status=view.status,  # type: ignore[arg-type]  # one of the statuses
        reference=terms.reference,
        scheduled_settlement_at=whole_seconds(terms.scheduled_settlement_at),
        created_at=whole_seconds(view.created_at),
    )


def transfer_detail(
    view: TransferView,
    accounts: dict[str, DirectoryEntry],
    holds: list[Hold],
    entries: list[LedgerEntry],
    history: list[StatusChange],
) -> documents.TransferDetail:
    terms = view.terms
    to_account = None if terms.to_account_id is None else _summary(accounts[terms.to_account_id])
    return documents.TransferDetail(
        documents.DetailedTransfer(
            **_terms(terms),
            status=view.status,  # type: ignore[arg-type]  # one of the statuses
            updated_at=whole_seconds(view.updated_at),
            failure_reason=UNSET if view.failure_reason is None else view.failure_reason,
        ),
        _summary(accounts[terms.from_account_id]),
        to_account,
        [_transfer_hold(hold) for hold in holds],
        [_ledger_entry(entry) for entry in entries],
        [_event(change) for change in history],
        PROGRESS.get(view.status, PROGRESS_AT_THE_END),  # type: ignore[arg-type]  # one of the four
    )


def _summary(account: DirectoryEntry) -> documents.AccountSummary:
    return documents.AccountSummary(account.account_number, account.account_type)


def _transfer_hold(hold: Hold) -> documents.TransferHold:
    return documents.TransferHold(
        hold.hold_id,
        hold.account_id,
        number(hold.amount),
        "outgoing",
        hold.status,  # type: ignore[arg-type]  # one of the three
        whole_seconds(hold.created_at),
    )


def _ledger_entry(entry: LedgerEntry) -> documents.TransferLedgerEntry:
    return documents.TransferLedgerEntry(
        entry.id,
        entry.entry_type,  # type: ignore[arg-type]  # one of the five
        amount_of(entry.amount),
        amount_of(entry.balance_after),
        entry.category,
        entry.description,
        whole_seconds(entry.created_at),
    )


def _event(change: StatusChange) -> documents.TransferEvent:
    return documents.TransferEvent(
        change.id,
        change.from_status,  # type: ignore[arg-type]  # one of the statuses
        change.to_status,  # type: ignore[arg-type]
        "status_change",
        f"Status changed from {change.from_status} to {change.to_status}",
        whole_seconds(change.at),
    )


def account_balance(
    account: DirectoryEntry,
    balance: Balance,
    incoming: int,
    holds: list[Hold],
    postings: list[RecentPosting],
) -> documents.AccountBalance:
    def shown(minor: int) -> Raw:
        return amount_of(Money(minor, balance.currency))

    return documents.AccountBalance(
        account.account_id,
        account.account_number,
        account.account_type,
        balance.currency,
        shown(balance.posted),
        shown(balance.available),
        shown(balance.held + incoming),
        shown(balance.held),
        shown(incoming),
        [_active_hold(hold, shown(hold.amount - hold.captured)) for hold in holds],
        [_transaction(posting) for posting in postings],
        whole_seconds(balance.updated_at),
    )


def _active_hold(hold: Hold, left: Raw) -> documents.ActiveHold:
    transfer_id = hold.reference if hold.reference.startswith("tx_") else None
    return documents.ActiveHold(
        hold.hold_id, transfer_id, left, "outgoing", "active", whole_seconds(hold.created_at)
    )


def _transaction(posting: RecentPosting) -> documents.RecentTransaction:
    return documents.RecentTransaction(
        posting.id,
        amount_of(posting.amount),
        posting.kind,
        posting.description,
        whole_seconds(posting.created_at),
    )
