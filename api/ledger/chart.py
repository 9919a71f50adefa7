"""The chart of accounts: what there is, and what finance adds."""

import re

import msgspec
from litestar import get, post

from api.context import (
    HttpRequest,
    JsonResponse,
    exchange_of,
    execute,
    json_body,
    ledger_of,
    require_scope,
    respond,
)
from api.exchange import invalid
from api.idempotency_keys import read_key
from api.ledger import bodies, operations
from api.ledger.admission import WRITE_SCOPE, admit_reader
from api.ledger.documents import ChartBody
from application.chart_of_accounts import AddAccountCodes, add_account_codes
from domain.chart_of_accounts import AccountCodeAdded, AccountType
from projections import general_ledger
from projections.general_ledger import ChartEntry

ACCOUNT_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ACCOUNT_NAME_LENGTH_MAX = 140

_decoder = msgspec.json.Decoder(ChartBody)


@get("/ledger/v1/chart-of-accounts", operation=operations.CHART)
async def chart(request: HttpRequest) -> JsonResponse:
    _, ledger = await admit_reader(request)
    return respond(bodies.chart(await general_ledger.chart_of_accounts(ledger.fetch)))


@post("/ledger/v1/chart-of-accounts", operation=operations.ADD_TO_CHART)
async def add_to_chart(request: HttpRequest) -> JsonResponse:
    claims = exchange_of(request).caller
    require_scope(claims, WRITE_SCOPE)
    added = _read_chart_entry(await json_body(request, _decoder))
    ledger = await ledger_of(request, claims)
    key = read_key(
        exchange_of(request).header(b"idempotency-key"),
        claims.client_id,
        "POST /ledger/v1/chart-of-accounts",
        added.account_code,
        added.account_name,
        added.type,
    )
    command = AddAccountCodes((added,), key)
    await execute(request, ledger, add_account_codes, command)
    entry = ChartEntry(added.account_code, added.account_name, added.type)
    return respond(bodies.chart_entry(entry), 201)


def _read_chart_entry(body: ChartBody) -> AccountCodeAdded:
    account_code = _string(body.account_code, "account_code")
    if not ACCOUNT_CODE.fullmatch(account_code):
        raise invalid("account_code", "must have 1 to 64 letters, digits, dots, dashes or underscores")
    account_name = _string(body.account_name, "account_name").strip()
    if not 1 <= len(account_name) <= ACCOUNT_NAME_LENGTH_MAX or not account_name.isprintable():
        raise invalid("account_name", f"must have 1 to {ACCOUNT_NAME_LENGTH_MAX} printable characters")
    try:
        account_type = AccountType(_string(body.type, "type"))
    except ValueError:
        raise invalid("type", f"must be one of {', '.join(AccountType)}") from None
    return AccountCodeAdded(account_code, account_name, account_type)


def _string(raw: msgspec.Raw, name: str) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid(name, "must be a string") from None


ROUTES = (chart, add_to_chart)
