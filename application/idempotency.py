"""The same key and the same content give the same outcome, once and for ever."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from application.decision import Decision
from domain import errors, requests

A = TypeVar("A")
Decide = Callable[[], A | errors.DomainError]


# Refused for what the request names or how it is formed: not decided, so that its key stays free.
_UNDECIDED = (
    errors.NotFound,
    errors.OverrideExpiresTooEarly,
    errors.InvalidClientSettings,
    errors.InvalidValue,
)


class RequestKey(msgspec.Struct, frozen=True):
    """`request_id` is derived from caller, operation and key; `content_hash` from what was asked."""

    request_id: str
    content_hash: str

    @property
    def stream(self) -> str:
        return requests.stream(self.request_id)


class _Refusal(msgspec.Struct, frozen=True):
    code: str
    facts: dict[str, int | str]
    at: datetime


class _Recorded(msgspec.Struct, Generic[A], frozen=True, omit_defaults=True):
    answer: A | None = None
    refusal: _Refusal | None = None


def once(
    decision: Decision,
    key: RequestKey | None,
    answer_type: type[A],
    decide: Callable[[], A | errors.DomainError],
) -> A | errors.DomainError:
    """Decides, or gives the recorded outcome of the request that used the key first.

    A refusal is recorded and returned like an answer, but for those that decide nothing: these are raised,
    and do not use the key up.
    """
    if key is None:
        return decide()
    answered: requests.AnsweredRequest | None = decision.load(key.stream)
    if answered is not None:
        if answered.content_hash != key.content_hash:
            raise errors.IdempotencyConflict
        return _replayed(answered, answer_type)
    outcome: A | errors.DomainError
    try:
        outcome = decide()
    except _UNDECIDED:
        raise
    except errors.DomainError as refusal:
        outcome = refusal
    if isinstance(outcome, errors.DomainError):
        outcome.refused_at = decision.at
    decision.record(key.stream, requests.RequestAnswered(key.content_hash, _encoded(outcome, decision.at)))
    return outcome


def _encoded(outcome: object, at: datetime) -> msgspec.Raw:
    if isinstance(outcome, errors.DomainError):
        refusal = _Refusal(outcome.code, outcome.facts(), at)
        return msgspec.Raw(msgspec.json.encode(_Recorded(refusal=refusal)))
    return msgspec.Raw(msgspec.json.encode(_Recorded(answer=outcome)))


def _replayed(answered: requests.AnsweredRequest, answer_type: type[A]) -> A | errors.DomainError:
    recorded = msgspec.json.decode(answered.outcome, type=_Recorded[answer_type])  # type: ignore[valid-type]
    if recorded.refusal is not None:
        refusal = errors.restore(recorded.refusal.code, recorded.refusal.facts)
        refusal.refused_at = recorded.refusal.at
        return refusal
    assert recorded.answer is not None, "an outcome is an answer or a refusal"
    return recorded.answer
