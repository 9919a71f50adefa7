"""Authorizations: as any of their decisions left them, and as they are now. Folded from the log itself.

Numbers come in blocks of four, so the decision that answers a request, and the one that ends a challenge
which nobody completed, say by their own numbers which request they are of: they take no row here. Only a
later decision, a challenge's completion or a reversal, has a block of its own and is noted.
"""

from collections.abc import Sequence
from typing import Any

from domain.authorizations import (
    NUMBERS_PER_BLOCK,
    Authorization,
    AuthorizationDecided,
    AuthorizationReversed,
    ChallengeCompleted,
    ChallengeExpired,
    evolve,
    stream,
)
from domain.catalogue import decode
from projections.read_model import Fetch, ReadModel, Recorded, Write

_TABLES = """
create table {schema}.later_decisions (
    decision_id bigint primary key,
    request_id bigint not null
) with (autovacuum_analyze_scale_factor = 0.5);
"""

_ADD = """
insert into {schema}.later_decisions (decision_id, request_id)
select * from unnest(%b::bigint[], %b::bigint[])
"""

# Streams are a handful of events long, and found by their key.
_OF_DECISION = """
select topic, state from {schema}.events
where originator_id = 'authorization-' || coalesce(
    (select request_id from {schema}.later_decisions where decision_id = %(decision_id)s::bigint),
    %(request_of_block)s::bigint)
order by originator_version
"""

_OF_STREAM = """
select topic, state from {schema}.events where originator_id = %(stream)s order by originator_version
"""

_RULED = frozenset((AuthorizationDecided, ChallengeCompleted, ChallengeExpired, AuthorizationReversed))


def apply(batch: Sequence[Recorded], write: Write) -> None:
    later: list[tuple[int, int]] = []
    for fact in batch:
        if type(fact.event) in _RULED:
            event: Any = fact.event
            decision_id, request_id = event.ruling.decision_id, event.ruling.request_id
            if _request_of_block(decision_id) != request_id:
                later.append((decision_id, request_id))
    if later:
        write(_ADD, list(zip(*later, strict=True)))


def _request_of_block(decision_id: int) -> int:
    return decision_id - decision_id % NUMBERS_PER_BLOCK


async def as_decided(fetch: Fetch, decision_id: int) -> Authorization | None:
    """The authorization as that decision left it; None where there is no such decision."""
    parameters = {"decision_id": decision_id, "request_of_block": _request_of_block(decision_id)}
    authorization: Authorization | None = None
    for row in await fetch(_OF_DECISION, parameters):
        authorization = evolve(authorization, decode(row["topic"], row["state"]).data)
        if authorization.ruling.decision_id == decision_id:
            return authorization
    return None


async def latest(fetch: Fetch, request_id: int) -> Authorization | None:
    """The authorization as it is now; None where there is no such request."""
    authorization: Authorization | None = None
    for row in await fetch(_OF_STREAM, {"stream": stream(request_id)}):
        authorization = evolve(authorization, decode(row["topic"], row["state"]).data)
    return authorization


MODEL = ReadModel("authorizations", 1, _TABLES, ("later_decisions",), apply)
