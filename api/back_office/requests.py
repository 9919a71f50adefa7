"""What the back office reads of a request: its caller's ledger, its body member by member, its key.

A body may have the members that are named and no others: what would be passed over in silence is refused.
"""

import msgspec

from api.context import HttpRequest, decoded, exchange_of, json_bytes, ledger_of, require_scope
from api.exchange import Exchange, invalid
from api.idempotency_keys import read_key
from api.members import as_shown, is_absent
from application.idempotency import RequestKey
from infrastructure.ledgers import Ledger

Members = dict[str, msgspec.Raw]
"""A body's members as they came; those that were not sent are empty (see `is_sent`)."""

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


async def admit(request: HttpRequest, *scopes: str) -> Ledger:
    """The ledger of a caller who has one of the scopes. 403 without."""
    caller = exchange_of(request).caller
    require_scope(caller, *scopes)
    return await ledger_of(request, caller)


async def members_of(request: HttpRequest, *names: str, is_optional: bool = False) -> Members:
    """The body's members. 400 that names it where there is one that is not among `names`, 415 where the body
    is not said to be JSON. An optional body may be missing altogether."""
    if is_optional and not await exchange_of(request).body():
        return dict.fromkeys(names, msgspec.Raw())
    return _members(decoded(await json_bytes(request), _decoder), "", names)


def nested_members(raw: msgspec.Raw, field: str, *names: str) -> Members:
    """The same of an object within the body; its members are named like `field.name`."""
    try:
        given = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid(field, "must be an object") from None
    return _members(given, f"{field}.", names)


def _members(given: Members, prefix: str, names: tuple[str, ...]) -> Members:
    for name in given:
        if name not in names:
            raise invalid(prefix + as_shown(name), "is not known here")
    return {name: given.get(name, msgspec.Raw()) for name in names}


def is_sent(raw: msgspec.Raw) -> bool:
    """Whether the member was there at all, be it null."""
    return bytes(raw) != b""


def is_null(raw: msgspec.Raw) -> bool:
    return bytes(raw) == b"null"


def require(members: Members, *names: str) -> None:
    """400 that names the first of `names` that is missing, null or empty."""
    for name in names:
        if is_absent(members[name]):
            raise invalid(name, "is required")


def key(exchange: Exchange, *content: str) -> RequestKey | None:
    """The `Idempotency-Key` header's, scoped to the client and the operation; None where none was sent.

    `content` is what the request asks for, as parsed: nothing of how it was written.
    """
    header = exchange.header(b"idempotency-key")
    if header is None:
        return None
    operation = f"{exchange.method} {exchange.routed_path.rstrip('/')}"
    return read_key(header, exchange.caller.client_id, operation, *content)
