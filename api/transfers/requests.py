"""What clients may send to the transfers surface, checked in the documented order."""

import re
from collections.abc import Mapping
from typing import TypedDict

import msgspec

from api.exchange import ApiError, invalid
from api.idempotency_keys import KEY_LENGTH_MAX
from api.members import is_absent, read_optional_text, read_text, read_word
from api.query_string import one_of, whole_number
from application.transfers import CreateTransfer
from domain import transfers
from domain.money import InvalidAmount, Money, parse_json_amount
from domain.requests import identity
from domain.transfers import ExternalAccount, TransferType

MEMO_LENGTH_MAX = 500
NAME_LENGTH_MAX = 140
ROUTING_NUMBER_LENGTH = 9
EXTERNAL_ACCOUNT_NUMBER_LENGTHS = range(4, 18)
MFA_CODE_LENGTH_MAX = 16
LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX = 50, 200

_TRANSFER_ID = re.compile(r"tx_[a-z0-9]{1,60}")


class CreateBody(msgspec.Struct):
    """Members as they came: each is looked at on its own, so that the error can name it."""

    idempotency_key: msgspec.Raw = msgspec.Raw()
    from_account_id: msgspec.Raw = msgspec.Raw()
    amount: msgspec.Raw = msgspec.Raw()
    transfer_type: msgspec.Raw = msgspec.Raw()
    to_account_id: msgspec.Raw = msgspec.Raw()
    external_bank_name: msgspec.Raw = msgspec.Raw()
    external_routing_number: msgspec.Raw = msgspec.Raw()
    external_account_number: msgspec.Raw = msgspec.Raw()
    external_account_holder_name: msgspec.Raw = msgspec.Raw()
    memo: msgspec.Raw = msgspec.Raw()


class ChangeBody(msgspec.Struct):
    action: msgspec.Raw = msgspec.Raw()
    mfa_code: msgspec.Raw = msgspec.Raw()


create_decoder = msgspec.json.Decoder(CreateBody)
change_decoder = msgspec.json.Decoder(ChangeBody)
_REFERENCE_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_ALWAYS_REQUIRED = ("idempotency_key", "from_account_id", "amount", "transfer_type")
_REQUIRED_BY_TYPE = {
    transfers.INTERNAL: ("to_account_id",),
    transfers.INTERBANK: (
        "external_bank_name",
        "external_routing_number",
        "external_account_number",
        "external_account_holder_name",
    ),
}


def read_create(body: CreateBody, user_id: str) -> CreateTransfer:
    """The command that the body asks for. Raises ApiError 400."""
    transfer_type = _refuse_missing(body)
    key = read_text(body.idempotency_key, "idempotency_key", KEY_LENGTH_MAX)
    from_account = read_text(body.from_account_id, "from_account_id", NAME_LENGTH_MAX)
    amount = _positive_amount(body.amount)
    memo = read_optional_text(body.memo, "memo", MEMO_LENGTH_MAX)
    to_account, external = None, None
    content: tuple[str, ...]
    if transfer_type == transfers.INTERNAL:
        to_account = read_text(body.to_account_id, "to_account_id", NAME_LENGTH_MAX)
        content = (from_account, to_account, str(amount.minor), transfer_type, memo or "")
    else:
        external = _external(body)
        content = (from_account, str(amount.minor), transfer_type, memo or "", *_parts(external))
    key_identity = identity("POST /api/transfers-v2", user_id, key)
    return CreateTransfer(
        transfer_id=f"tx_{key_identity}",
        idempotency_key=key,
        content_hash=identity(*content),
        user_id=user_id,
        transfer_type=transfer_type,
        from_account=from_account,
        amount=amount,
        reference_suffix=_reference_suffix(key_identity),
        to_account=to_account,
        external=external,
        memo=memo,
    )


def _reference_suffix(key_identity: str) -> str:
    """Eight upper-case letters and digits (41 bits) derived from the key."""
    number, suffix = int(key_identity[-12:], 16), ""
    for _ in range(8):
        number, digit = divmod(number, 36)
        suffix += _REFERENCE_DIGITS[digit]
    return suffix


def _refuse_missing(body: CreateBody) -> TransferType:
    """Names all that is missing: what every transfer needs, then what its type needs, where that is known."""
    missing = [name for name in _ALWAYS_REQUIRED if is_absent(getattr(body, name))]
    transfer_type: TransferType | None = None
    if "transfer_type" not in missing:
        # An unknown type is not what to say first where other members are missing.
        transfer_type = _transfer_type(body, is_required=not missing)
    if transfer_type is not None:
        missing += [name for name in _REQUIRED_BY_TYPE[transfer_type] if is_absent(getattr(body, name))]
    if missing or transfer_type is None:
        raise _missing(*missing)
    return transfer_type


def _missing(*fields: str) -> ApiError:
    return ApiError(400, "validation_error", "Missing required fields: " + ", ".join(fields), field=fields[0])


def read_change(body: ChangeBody) -> str:
    """The action that the body asks for; verify_mfa comes with a code. Raises ApiError 400."""
    if is_absent(body.action):
        raise _missing("action")
    action = read_word(body.action, "action", ("cancel", "verify_mfa"))
    if action == "verify_mfa" and is_absent(body.mfa_code):
        raise _missing("mfa_code")
    return action


def _transfer_type(body: CreateBody, *, is_required: bool) -> TransferType | None:
    try:
        word = read_word(body.transfer_type, "transfer_type", (transfers.INTERNAL, transfers.INTERBANK))
    except ApiError:
        if is_required:
            raise
        return None
    return "internal" if word == transfers.INTERNAL else "interbank"


def _positive_amount(raw: msgspec.Raw) -> Money:
    try:
        amount = parse_json_amount(bytes(raw), transfers.CURRENCY)
    except InvalidAmount as error:
        raise invalid("amount", str(error), f"Invalid amount: {error}") from None
    if amount.minor <= 0:
        raise invalid(
            "amount", "must be greater than zero", "Invalid amount: amount must be greater than zero"
        )
    return amount


def _external(body: CreateBody) -> ExternalAccount:
    external = ExternalAccount(
        read_text(body.external_bank_name, "external_bank_name", NAME_LENGTH_MAX),
        read_text(body.external_routing_number, "external_routing_number", NAME_LENGTH_MAX),
        read_text(body.external_account_number, "external_account_number", NAME_LENGTH_MAX),
        read_text(body.external_account_holder_name, "external_account_holder_name", NAME_LENGTH_MAX),
    )
    routing, number = external.routing_number, external.account_number
    if not (routing.isascii() and routing.isdigit() and len(routing) == ROUTING_NUMBER_LENGTH):
        raise invalid("external_routing_number", "must be 9 digits")
    if not (number.isascii() and number.isalnum() and len(number) in EXTERNAL_ACCOUNT_NUMBER_LENGTHS):
        raise invalid("external_account_number", "must be 4 to 17 characters")
    return external


def _parts(external: ExternalAccount) -> tuple[str, ...]:
    return (
        external.bank_name,
        external.routing_number,
        external.account_number,
        external.account_holder_name,
    )


class ListWish(TypedDict):
    status: str | None
    transfer_type: str | None
    limit: int
    cursor: str | None


def read_list(given: Mapping[str, str]) -> ListWish:
    """Which of the user's transfers a query string asks for. Raises ApiError 400."""
    return {
        "status": one_of(given, "status", transfers.STATUSES),
        "transfer_type": one_of(given, "type", (transfers.INTERNAL, transfers.INTERBANK)),
        "limit": whole_number(given, "limit", least=1, most=LIST_LIMIT_MAX, default=LIST_LIMIT_DEFAULT),
        "cursor": given.get("cursor"),
    }


def is_transfer_id(text: str) -> bool:
    """Whether it could be the id of a transfer: whatever could not is not even looked for."""
    return _TRANSFER_ID.fullmatch(text) is not None
