"""The cards surface's error body: its shape, what it says of a field, and what it never says."""

import dataclasses
import json
from typing import Any

import pytest

from api.cards.card_numbers import CardNumberRefused, refuse_card_numbers
from api.cards.errors import error_body, not_found, translate
from api.exchange import ApiError, encode, invalid, unavailable
from api.responses import error_response, framework_error
from domain import errors
from tests.api.card_exchanges import exchange

PAN = "4111111111111111"


def shown(error: ApiError, **sent: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(error_body(error, exchange(**sent))))
    return body


def details(error: ApiError, **sent: Any) -> Any:
    return shown(error, **sent)["details"]


def test_the_documented_error_comes_out_exactly() -> None:
    error = invalid("amount", "must be greater than 0", "Invalid transaction amount")
    assert encode(error_body(error, exchange(body=b'{"amount": "-100.00"}'))) == (
        b'{"status":400,"error":"Bad Request","message":"Invalid transaction amount",'
        b'"path":"/api/v1/authorizations","timestamp":"2023-05-01T14:30:00Z",'
        b'"details":{"field":"amount","value":"-100.00","constraint":"must be greater than 0"}}'
    )


def test_without_a_field_there_are_no_details() -> None:
    for error in (not_found("Card"), unavailable(), ApiError(400, "validation_error", "no JSON")):
        assert shown(error).keys() == {"status", "error", "message", "path", "timestamp"}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (409, "Conflict"),
        (413, "Content Too Large"),
        (415, "Unsupported Media Type"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
    ],
)
def test_whatever_the_framework_refuses_has_the_shape(status: int, words: str) -> None:
    body = json.loads(framework_error(status, exchange(path="/card-authorization/x%20y")).body)
    assert (body["status"], body["error"]) == (status, words)
    assert body["path"] == "/card-authorization/x%20y"
    assert body["message"]


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (b'{"amount": -100.00}', "amount", "-100.00"),
        (b'{"amount": 1e3}', "amount", "1e3"),
        (b'{"amount": true}', "amount", "true"),
        (b'{"amount": null}', "amount", None),
        (b'{"amount": ""}', "amount", ""),
        (b"{}", "amount", None),
        (b'{"amount": [1, "a"]}', "amount", '[1, "a"]'),
        (b'{"merchantName": "a\\u00e9\\n"}', "merchantName", "aé\n"),
        (b'{"merchantName": "\\ud800"}', "merchantName", None),
        (b'{"merchantName": "' + b"x" * 300 + b'"}', "merchantName", "x" * 255),
        (b'{"channelLimits": {"ATM": {"dailyLimit": 0.0}}}', "channelLimits.ATM.dailyLimit", "0.0"),
        (b'{"channelLimits": 7}', "channelLimits.ATM.dailyLimit", None),
        (b"[]", "amount", None),
        (b"\xff", "amount", None),
        (b'{"amount": ' + PAN.encode() + b"}", "amount", None),
        (b'{"merchantId": "' + PAN[:12].encode() + b'"}', "merchantId", None),
        (b'{"maskedPan": "411111"}', "maskedPan", None),
        (b'{"panHash": "a1"}', "panHash", None),
        (b'{"secret": "a1"}', "secret", None),
    ],
)
def test_the_value_is_what_was_sent_where_it_may_be_shown(body: bytes, field: str, value: str | None) -> None:
    """As text, cut to 255 characters; never a secret, and never what could be a card number."""
    assert details(invalid(field, "must be other"), body=body) == {
        "field": field,
        "value": value,
        "constraint": "must be other",
    }


def test_parameters_and_headers_are_shown_too() -> None:
    error = invalid("size", "must be less")
    assert details(error, method="GET", query="page=0&size=201")["value"] == "201"
    assert details(error, method="GET", query=f"size={PAN}")["value"] is None
    assert details(error, method="GET", query="&".join(["a=1"] * 200) + "&size=a%20b")["value"] == "a b"
    assert details(error, method="GET", query="size=%FF")["value"] is not None
    key = invalid("Idempotency-Key", "must be shorter")
    assert details(key, headers={"Idempotency-Key": "k" * 256})["value"] == "k" * 255


@pytest.mark.parametrize(
    "body",
    [
        {"merchantName": PAN},
        {"nested": {"a": [PAN]}},
        {PAN: "x"},
        {"nested": {PAN: "x"}},
        {"nested": {"".join(f"\\u003{figure}" for figure in PAN): "x"}},
    ],
)
def test_a_refused_card_number_is_nowhere_in_the_answer(body: Any) -> None:
    sent = json.dumps(body).replace("\\\\", "\\").encode()
    with pytest.raises(CardNumberRefused) as caught:
        refuse_card_numbers(sent)
    answer = error_response(caught.value, exchange(body=sent))
    assert answer.status == 400
    assert PAN.encode() not in answer.body
    assert b"u0034" not in answer.body
    assert json.loads(answer.body)["details"]["value"] is None


def example(error: type[errors.DomainError]) -> errors.DomainError:
    facts = {
        field.name: 7 if field.type is int else "USD" for field in dataclasses.fields(error) if field.init
    }
    return error(**facts)


EXPECTED = {
    "card_exists": 409,
    "invalid_card_limits": 400,
    "override_expires_too_early": 400,
    "authorization_not_reversible": 409,
    "not_awaiting_challenge": 409,
    "hold_not_active": 409,
    "capture_currency_mismatch": 400,
    "capture_exceeds_hold": 400,
    "idempotency_conflict": 409,
}


@pytest.mark.parametrize("code", errors.BY_CODE)
def test_every_refusal_of_the_domain_has_a_status_and_words(code: str) -> None:
    """404 for what is not there, 400 with details for what was asked wrongly, 409 for the state of things."""
    refusal = example(errors.BY_CODE[code])
    error = translate(refusal)
    by_kind = 404 if isinstance(refusal, errors.NotFound) else 409
    assert error.status == EXPECTED.get(code, by_kind)
    assert error.message[0].isupper()
    assert "_" not in error.message
    if error.status == 400:
        assert error.field
        assert error.constraint


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (errors.CardNotFound(1), "Card not found"),
        (errors.AuthorizationNotFound(1), "Authorization not found"),
        (errors.HoldNotFound(1), "Hold not found"),
        (errors.LimitOverrideNotFound(1), "Limit override not found"),
        (errors.WebhookNotFound("webhook-1"), "Webhook not found"),
        (errors.AccountNotFound("1"), "Account not found"),
    ],
)
def test_what_is_not_there_is_said_in_the_same_words_everywhere(
    refusal: errors.DomainError, message: str
) -> None:
    """Also where the identifier could not be any."""
    assert translate(refusal).message == message == not_found(message.removesuffix(" not found")).message


def test_what_can_be_captured_is_said_in_the_holds_currency() -> None:
    error = translate(errors.CaptureExceedsHold(12_550, "USD"))
    assert details(error, body=b'{"amount": 200.00}') == {
        "field": "amount",
        "value": "200.00",
        "constraint": "must not be greater than 125.50",
    }
