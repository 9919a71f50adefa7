"""What is asked of the service under load, as ready-made request bytes."""

from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import accumulate, count, cycle
from random import Random
from secrets import token_hex
from typing import Literal, Protocol

import msgspec

ZIPF_EXPONENT = 1.1

Choice = Literal["uniform", "zipf", "hot"]


class Workload(Protocol):
    def next_request(self) -> bytes:
        """The bytes of one whole HTTP/1.1 request, never the same twice."""


class TransferPlan(msgspec.Struct, frozen=True, tag="transfers"):
    """Internal transfers: account i belongs to the user of token i, the destination is any other account.

    `choice` is who pays: everybody alike, a few far more often than the rest (Zipf), or the first account
    alone. The same seed gives the same transfers in the same order; `key_prefix` keeps the idempotency keys
    of two runs apart.
    """

    accounts: list[str]
    tokens: list[str]
    choice: Choice = "uniform"
    amount: str = "1.00"
    seed: int = 1
    key_prefix: str = msgspec.field(default_factory=lambda: token_hex(6))

    def __post_init__(self) -> None:
        if len(self.accounts) < 2:
            raise ValueError("a transfer needs two accounts")
        if len(self.accounts) != len(self.tokens):
            raise ValueError("every account needs the token of its user")


class AuthorizationPlan(msgspec.Struct, frozen=True, tag="authorizations"):
    """Card purchases, each with an idempotency key of its own; `choice` is whose card is used."""

    pan_hashes: list[str]
    token: str
    choice: Choice = "uniform"
    amount: str = "1.00"
    seed: int = 1
    key_prefix: str = msgspec.field(default_factory=lambda: token_hex(6))

    def __post_init__(self) -> None:
        if not self.pan_hashes:
            raise ValueError("an authorization needs a card")


class HoldPlan(msgspec.Struct, frozen=True, tag="holds"):
    """Captures or releases, each of another hold; after the last one the first comes again."""

    hold_ids: list[int]
    token: str
    action: Literal["capture", "release"]
    amount: str = "1.00"
    key_prefix: str = msgspec.field(default_factory=lambda: token_hex(6))

    def __post_init__(self) -> None:
        if not self.hold_ids:
            raise ValueError("there is no hold")


# A further workload is a further tagged plan in this union and a case in `workload_of`.
Plan = TransferPlan | AuthorizationPlan | HoldPlan


def workload_of(plan: Plan, host: str) -> Workload:
    match plan:
        case TransferPlan():
            return TransferWorkload(plan, host)
        case AuthorizationPlan():
            return AuthorizationWorkload(plan, host)
        case HoldPlan():
            return HoldWorkload(plan, host)


class TransferWorkload:
    """All but the key, the destination and the length is put together beforehand, once per account."""

    def __init__(self, plan: TransferPlan, host: str) -> None:
        self._random = Random(plan.seed)
        self._choose = chooser(plan.choice, len(plan.accounts), self._random)
        self._accounts = [msgspec.json.encode(account) for account in plan.accounts]
        self._others = len(plan.accounts) - 1
        self._numbers = count()
        key = msgspec.json.encode(plan.key_prefix).removesuffix(b'"')
        self._heads = [
            post_head("/api/transfers-v2", host, token) + b"Content-Length: " for token in plan.tokens
        ]
        self._starts = [
            b'{"idempotency_key":%b-%%010d","from_account_id":%b,"to_account_id":'
            % (key.replace(b"%", b"%%"), account.replace(b"%", b"%%"))
            for account in self._accounts
        ]
        self._end = b',"amount":%b,"transfer_type":"internal"}' % plan.amount.encode()

    def next_request(self) -> bytes:
        source = self._choose()
        destination = int(self._random.random() * self._others)
        if destination >= source:
            destination += 1
        start = self._starts[source] % next(self._numbers)
        body = b"%b%b%b" % (start, self._accounts[destination], self._end)
        return b"%b%d\r\n\r\n%b" % (self._heads[source], len(body), body)


class AuthorizationWorkload:
    """All but the key is put together beforehand, once per card."""

    def __init__(self, plan: AuthorizationPlan, host: str) -> None:
        self._choose = chooser(plan.choice, len(plan.pan_hashes), Random(plan.seed))
        self._keys = _keys(plan.key_prefix)
        self._head = post_head("/api/v1/authorizations", host, plan.token)
        bodies = [_authorization(pan_hash, plan.amount) for pan_hash in plan.pan_hashes]
        self._tails = [b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]

    def next_request(self) -> bytes:
        return b"%b%b%b" % (self._head, next(self._keys), self._tails[self._choose()])


class HoldWorkload:
    def __init__(self, plan: HoldPlan, host: str) -> None:
        self._holds = cycle(plan.hold_ids)
        self._keys = _keys(plan.key_prefix)
        self._action = plan.action.encode()
        start, self._rest = post_head("/", host, plan.token).split(b" / ", 1)
        self._start = start + b" /api/v1/holds/"
        body = _CAPTURE % plan.amount.encode() if plan.action == "capture" else _RELEASE
        self._tail = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def next_request(self) -> bytes:
        hold_id = next(self._holds)
        return b"%b%d/%b %b%b%b" % (
            self._start,
            hold_id,
            self._action,
            self._rest,
            next(self._keys),
            self._tail,
        )


_CAPTURE = b'{"amount":%b,"currency":"USD","reference":"SETTLEMENT-1"}'
_RELEASE = b'{"reason":"Merchant initiated release"}'


def _authorization(pan_hash: str, amount: str) -> bytes:
    return (
        b'{"panHash":%b,"expiryDate":"12/35","merchantId":"MERCH123456","merchantName":"Example Merchant",'
        b'"channel":"POS","mcc":"5411","countryCode":"USA","transactionType":"PURCHASE","amount":%b,'
        b'"currency":"USD"}' % (msgspec.json.encode(pan_hash), amount.encode())
    )


def _keys(prefix: str) -> Iterator[bytes]:
    """`Idempotency-Key` headers, never the same twice."""
    name = prefix.encode()
    return (b"Idempotency-Key: %b-%010d\r\n" % (name, number) for number in count())


def post_head(path: str, host: str, token: str) -> bytes:
    """Everything of a JSON POST before its Content-Length."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\n"
    ).encode()


def chooser(choice: Choice, size: int, random: Random) -> Callable[[], int]:
    """Draws indexes below `size`; with "zipf", index i is drawn in proportion to 1 / (i + 1) ** 1.1."""
    draw = random.random
    match choice:
        case "uniform":
            return lambda: int(draw() * size)
        case "hot":
            return lambda: 0
        case "zipf":
            steps = list(accumulate(1 / rank**ZIPF_EXPONENT for rank in range(1, size + 1)))
            total = steps[-1]
            return lambda: min(bisect(steps, draw() * total), size - 1)
