"""Who asks something of users, of which user, and how what they ask is carried out."""

from collections.abc import Awaitable, Sequence
from typing import Any

from api.back_office.users.bodies import Seals
from api.back_office.users.requests import is_possible_id
from api.context import HttpRequest, exchange_of, services_of
from api.exchange import unavailable
from application.store import StoreUnavailable
from application.writer import Origin, Outcome, QueueFull, WriterClosed
from domain import errors
from domain.errors import DomainError
from infrastructure.ledgers import Ledger

READ, ADMIN = "banking.read", "banking.admin"


def user_id_of(request: HttpRequest) -> str:
    user_id: str = request.path_params["userId"]
    if not is_possible_id(user_id):
        raise errors.UserNotFound("")
    return user_id


def of_caller(request: HttpRequest) -> Origin:
    exchange = exchange_of(request)
    return Origin(exchange.caller.subject, exchange.request_id)


async def carry_out(request: HttpRequest, work: Awaitable[Outcome]) -> Any:
    """The answer of what is done; raises its refusal as a DomainError, recorded or not."""
    try:
        outcome = await work
    except (QueueFull, WriterClosed, StoreUnavailable):
        raise unavailable() from None
    exchange_of(request).position = outcome.position
    if isinstance(outcome.answer, DomainError):
        raise outcome.answer
    return outcome.answer


async def seals_of(request: HttpRequest, ledger: Ledger, user_ids: Sequence[str]) -> Seals:
    """What opens these users' data now; nothing of those who were erased."""
    try:
        return await services_of(request).personal_data.seals(ledger.schema, user_ids)
    except StoreUnavailable:
        raise unavailable() from None
