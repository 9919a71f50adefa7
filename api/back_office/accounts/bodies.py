"""What is shown of an account."""

from datetime import datetime

from api.amounts import amount_of
from api.back_office.accounts.documents import AccountShown
from api.instants import whole_seconds
from application.customer_accounts import AccountAnswer
from domain.money import Money
from projections.account_pages import AccountView


def listed(view: AccountView) -> AccountShown:
    return AccountShown(
        view.account_id,
        view.account_number,
        view.owner_id,
        view.account_type,
        view.currency,
        amount_of(Money(view.posted, view.currency)),
        amount_of(Money(view.available, view.currency)),
        amount_of(Money(view.overdraft_limit, view.currency)),
        view.nickname,
        view.status,  # type: ignore[arg-type]  # one of the three
        whole_seconds(view.opened_at),
        whole_seconds(view.updated_at),
        _instant(view.closed_at),
        view.card_account_id,
        view.card_account_space_id,
    )


def decided(answer: AccountAnswer, opened_at: datetime, updated_at: datetime) -> AccountShown:
    """As it was when it was just decided; the times are those that the answer has, or the directory's."""
    account = answer.account
    return AccountShown(
        account.account_id,
        account.account_number,
        account.owner_id,
        account.account_type,
        account.currency,
        amount_of(Money(account.posted, account.currency)),
        amount_of(Money(account.available, account.currency)),
        amount_of(Money(account.overdraft_limit, account.currency)),
        account.nickname,
        account.status,  # type: ignore[arg-type]  # one of the three
        whole_seconds(opened_at),
        whole_seconds(updated_at),
        _instant(account.closed_at),
        account.card_account_id,
        account.card_account_space_id,
    )


def _instant(at: datetime | None) -> str | None:
    return None if at is None else whole_seconds(at)
