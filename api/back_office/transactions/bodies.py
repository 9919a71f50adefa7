"""What is shown of transactions, and of what a batch came to."""

from typing import Any

import msgspec

from api.amounts import amount_of
from api.back_office.errors import error_content, refused, translate
from api.back_office.transactions.documents import BatchResult, BatchShown, TransactionShown
from api.exchange import ApiError
from api.instants import whole_seconds
from application.transactions import Attempt, BatchAnswer
from domain.errors import DomainError
from domain.money import Money
from domain.transactions import Transaction
from projections.transaction_pages import TransactionView
from projections.transactions import BACK_OFFICE


def posted(transaction: Transaction) -> TransactionShown:
    """As it is when it was just decided; only the back office decides any."""
    terms = transaction.terms
    return TransactionShown(
        transaction.transaction_id,
        terms.type,
        transaction.status,  # type: ignore[arg-type]  # one of the two
        terms.account_id,
        terms.to_account_id,
        amount_of(terms.amount),
        terms.amount.currency,
        terms.description or None,
        terms.effective_date.isoformat(),
        terms.reversal_of,
        transaction.reversed_by,
        BACK_OFFICE,  # type: ignore[arg-type]
        whole_seconds(transaction.created_at),
    )


def listed(view: TransactionView) -> TransactionShown:
    return TransactionShown(
        view.transaction_id,
        view.type,  # type: ignore[arg-type]  # of those that the read model knows
        view.status,  # type: ignore[arg-type]
        view.account_id,
        view.to_account_id,
        amount_of(Money(view.amount, view.currency)),
        view.currency,
        view.description or None,
        view.effective_date.isoformat(),
        view.reversal_of,
        view.reversed_by,
        view.source,  # type: ignore[arg-type]
        whole_seconds(view.created_at),
    )


def completed(attempt: Attempt) -> TransactionShown:
    """The transaction that was posted. Raises the refusal, which names the failed one."""
    if attempt.refusal is not None:
        raise _refusal(attempt.refusal, attempt.transaction)
    assert attempt.transaction is not None, "what was not refused was posted"
    return posted(attempt.transaction)


def batch(answer: BatchAnswer) -> BatchShown:
    results = [_result(index, attempt) for index, attempt in enumerate(answer.attempts)]
    return BatchShown(answer.is_atomic, answer.posted, answer.failed, results)


def batch_failed(answer: BatchAnswer) -> ApiError:
    details: dict[str, Any] = msgspec.structs.asdict(batch(answer))
    return refused(422, "BATCH_FAILED", "Nothing was posted: some of the transactions failed", **details)


def _result(index: int, attempt: Attempt) -> BatchResult:
    shown = None if attempt.transaction is None else posted(attempt.transaction)
    if attempt.refusal is not None:
        error = error_content(_refusal(attempt.refusal, attempt.transaction))
        return BatchResult(index, "failed", shown, error)
    return BatchResult(index, "not_posted" if shown is None else "completed", shown, None)


def _refusal(refusal: DomainError, failed: Transaction | None) -> ApiError:
    error = translate(refusal)
    if failed is not None:
        error.extra = {"details": {"transaction_id": failed.transaction_id}}
    return error
