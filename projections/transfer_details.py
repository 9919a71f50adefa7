"""One transfer in full: its history and its ledger entries, read from the log itself by its indexes.

Nothing of this is copied into a table. Facts later than the last one that the transfer's row knows of are
left out, so that what is shown together fits together.
"""

from datetime import datetime
from typing import Any, NamedTuple

from domain import accounts
from domain.accounts import AccountCredited, AccountDebited, HoldPlaced, HoldReleased
from domain.catalogue import decode
from domain.chart_of_accounts import FEE_REVENUE
from domain.events import Envelope
from domain.money import Money
from domain.transfers import INITIATED, PENDING, TransferCreated, stream
from projections.read_model import Fetch
from projections.transfers import STATUS_AFTER, TransferView

_FACTS = """
select notification_id as position, topic, state from {schema}.events
where originator_id = %(stream)s and notification_id <= %(changed_position)s::bigint
order by originator_version
"""

# All facts of one decision are appended together, so what a step of the transfer did to an account is found
# next to the step in the log. The limit is never reached; it keeps the planner from reading the whole stream
# of a busy account instead.
_LEDGER_ENTRIES = """
select e.notification_id as position, own.account_id, e.topic, e.state,
       coalesce(o.overdraft_limit, 0) as overdraft_limit, step.topic as step_topic, step.state as step_state
from {schema}.events step
cross join lateral (
    select near.* from {schema}.events near
    where near.notification_id between step.notification_id - %(reach)s::bigint
                                   and step.notification_id + %(reach)s::bigint
    order by near.notification_id limit 2 * %(reach)s::bigint + 1
) e
join {schema}.account_directory own on own.account_id = substr(e.originator_id, 9)
left join lateral (
    select overdraft_limit from {schema}.overdraft_history h
    where h.account_id = own.account_id and h.position <= e.notification_id
    order by h.position desc limit 1
) o on true
where step.originator_id = %(stream)s and step.notification_id <= %(changed_position)s::bigint
  and e.originator_id = any(%(account_streams)s::text[]) and e.topic = any(%(topics)s::text[])
  and own.owner_id = %(user_id)s
order by e.notification_id
"""

# More than any decision about a transfer records before or after the transfer's own fact.
_DECISION_REACH = 12

_LEDGER_TOPICS = [event.TOPIC for event in (HoldPlaced, HoldReleased, AccountDebited, AccountCredited)]


class StatusChange(NamedTuple):
    id: str
    from_status: str
    to_status: str
    at: datetime


class LedgerEntry(NamedTuple):
    """`balance_after` is the available balance for hold and release, the posted one otherwise."""

    id: str
    account_id: str
    entry_type: str
    amount: Money
    balance_after: Money
    category: str
    description: str
    created_at: datetime


async def history(fetch: Fetch, transfer: TransferView) -> list[StatusChange]:
    """Every change of the transfer's status, from `initiated` on."""
    parameters = {"stream": stream(transfer.transfer_id), "changed_position": transfer.changed_position}
    changes: list[StatusChange] = []
    status = INITIATED
    for row in await fetch(_FACTS, parameters):
        fact = decode(row["topic"], row["state"])
        created = fact.data
        if isinstance(created, TransferCreated):
            after = INITIATED if created.awaits_mfa else PENDING
        else:
            after = STATUS_AFTER.get(type(fact.data), status)
        if after != status:
            changes.append(StatusChange(f"event_{row['position']}", status, after, fact.counts_from))
            status = after
    return changes


async def ledger_entries(fetch: Fetch, transfer: TransferView) -> list[LedgerEntry]:
    """What the transfer did on its user's own accounts, oldest first."""
    terms = transfer.terms
    account_ids = [terms.from_account_id, terms.to_account_id]
    parameters = {
        "stream": stream(transfer.transfer_id),
        "changed_position": transfer.changed_position,
        "reach": _DECISION_REACH,
        "account_streams": [accounts.stream(account_id) for account_id in account_ids if account_id],
        "topics": _LEDGER_TOPICS,
        "user_id": terms.user_id,
    }
    # By position: a decision that took two steps at once is found next to both.
    entries: dict[int, LedgerEntry] = {}
    for row in await fetch(_LEDGER_ENTRIES, parameters):
        step, fact = decode(row["step_topic"], row["step_state"]), decode(row["topic"], row["state"])
        if fact.data.reference == terms.transfer_id and _are_of_one_decision(step, fact):
            entries[row["position"]] = _ledger_entry(row, fact, terms.memo)
    return list(entries.values())


def _are_of_one_decision(step: Envelope[Any], fact: Envelope[Any]) -> bool:
    """Another decision about the same transfer may be near too: it has its own time, or its own request."""
    return (step.recorded_at, step.correlation_id) == (fact.recorded_at, fact.correlation_id)


def _ledger_entry(row: dict[str, Any], fact: Envelope[Any], memo: str | None) -> LedgerEntry:
    event = fact.data
    entry_type = _entry_type(event)
    balance_after = event.posted
    if isinstance(event, HoldPlaced | HoldReleased):
        balance_after += int(row["overdraft_limit"]) - event.held
    return LedgerEntry(
        id=f"ledger_{row['position']}",
        account_id=row["account_id"],
        entry_type=entry_type,
        amount=event.amount,
        balance_after=Money(balance_after, event.amount.currency),
        category=f"transfer_{entry_type}",
        description=f"Transfer {entry_type}: {memo}" if memo else f"Transfer {entry_type}",
        created_at=fact.counts_from,
    )


def _entry_type(event: Any) -> str:
    if isinstance(event, HoldPlaced):
        return "hold"
    if isinstance(event, HoldReleased):
        return "release"
    if isinstance(event, AccountCredited):
        return "credit"
    return "fee" if event.contra == FEE_REVENUE else "debit"
