"""Every refusal of the domain has its status and code on the back office, and all codes are documented."""

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from api.back_office.errors import Code, error_content, refused, translate
from api.exchange import ApiError, encode, invalid, unavailable
from api.surfaces import BACK_OFFICE, FRAMEWORK_CODES
from domain import errors
from domain.errors import BY_CODE, DomainError

FACTS: Mapping[Any, Any] = {int: 1, str: "x"}
STATUS_OF: Mapping[str, int] = {
    "INVALID_REQUEST": 400,
    "UNSUPPORTED_API_VERSION": 400,
    "UNAUTHORIZED": 401,
    "INVALID_SIGNATURE": 401,
    "FORBIDDEN": 403,
    "IP_NOT_ALLOWED": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "EMAIL_EXISTS": 409,
    "BALANCE_NOT_ZERO": 409,
    "ACTIVE_HOLDS": 409,
    "ACCOUNT_CLOSED": 409,
    "ACCOUNT_FROZEN": 409,
    "ALREADY_REVERSED": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "CONFLICT": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "INSUFFICIENT_FUNDS": 422,
    "CURRENCY_MISMATCH": 422,
    "SAME_ACCOUNT": 422,
    "BALANCE_TOO_LARGE": 422,
    "PERIOD_CLOSED": 422,
    "BATCH_FAILED": 422,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}


def example(kind: type[DomainError]) -> DomainError:
    annotations = {name: annotation for name, annotation in kind.__annotations__.items() if name != "code"}
    return kind(**{name: FACTS[annotation] for name, annotation in annotations.items()})


def test_there_are_these_codes_and_no_others() -> None:
    assert set(STATUS_OF) == set(get_args(Code))


@pytest.mark.parametrize("code", BY_CODE)
def test_every_refusal_of_the_domain_has_its_answer(code: str) -> None:
    """A code that is documented, at its status, in words."""
    error = translate(example(BY_CODE[code]))
    content = error_content(error)
    assert STATUS_OF[content.code] == error.status
    assert content.message
    assert encode(content)


@pytest.mark.parametrize("status", FRAMEWORK_CODES)
def test_whatever_the_framework_refuses_has_its_code(status: int) -> None:
    code, message = FRAMEWORK_CODES[status]
    content = error_content(ApiError(status, code, message))
    assert STATUS_OF[content.code] == status


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.AccountNotFound("x"), 404, "NOT_FOUND"),
        (errors.AccountHasBalance("x"), 409, "BALANCE_NOT_ZERO"),
        (errors.AccountHasHolds("x"), 409, "ACTIVE_HOLDS"),
        (errors.AccountClosed("x"), 409, "ACCOUNT_CLOSED"),
        (errors.AccountFrozen("x"), 409, "ACCOUNT_FROZEN"),
        (errors.InsufficientFunds(1, 2, 0, "USD"), 422, "INSUFFICIENT_FUNDS"),
        (errors.SameAccount(), 422, "SAME_ACCOUNT"),
        (errors.TransferNotSettled("reversed"), 409, "ALREADY_REVERSED"),
        (errors.TransferNotSettled("pending"), 409, "CONFLICT"),
        (errors.CurrencyDiffers("x", "USD"), 422, "CURRENCY_MISMATCH"),
        (errors.BalanceTooLarge("x"), 422, "BALANCE_TOO_LARGE"),
        (errors.PeriodIsClosed("2025-09"), 422, "PERIOD_CLOSED"),
        (errors.AlreadyReversed("x"), 409, "ALREADY_REVERSED"),
        (errors.EmailExists(), 409, "EMAIL_EXISTS"),
        (errors.InvalidValue("customer_id", "must be a customer"), 400, "INVALID_REQUEST"),
        (errors.InvalidClientSettings("redirect_uris"), 400, "INVALID_REQUEST"),
        (errors.IdempotencyConflict(), 409, "IDEMPOTENCY_CONFLICT"),
    ],
)
def test_what_has_a_code_of_its_own(error: DomainError, status: int, code: str) -> None:
    translated = translate(error)
    assert (translated.status, error_content(translated).code) == (status, code)


def test_details_are_words_or_what_was_found() -> None:
    """Never both, and none where there is nothing to add."""
    words = error_content(invalid("amount", "must be greater than 0"))
    assert (words.message, words.details, words.field) == (
        "The request is invalid",
        "amount must be greater than 0",
        "amount",
    )
    found = error_content(refused(422, "INSUFFICIENT_FUNDS", "Too little", transaction_id="txn_1"))
    assert encode(found) == (
        b'{"code":"INSUFFICIENT_FUNDS","message":"Too little","details":{"transaction_id":"txn_1"}}'
    )
    plain = encode(error_content(unavailable()))
    assert plain == (b'{"code":"SERVICE_UNAVAILABLE","message":"Service temporarily unavailable, try again"}')


def test_the_surface_is_what_is_tested_here() -> None:
    assert (BACK_OFFICE.translate, BACK_OFFICE.name) == (translate, "back_office")
