"""A certificate says which events something was folded from, and betrays every change to them."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from projections import certificates
from projections.certificates import CHECKPOINT_EVERY, EMPTY, Certificate, LogBroken
from projections.sql import bind
from tests.projections.bank_history import START, BankHistory
from tests.projections.conftest import Tenant, answer

EVENTS = 2 * CHECKPOINT_EVERY + 345


def long_bank() -> BankHistory:
    bank = BankHistory()
    account = bank.open("one")
    for _ in range(EVENTS - 1):
        bank.pass_time(seconds=1)
        bank.credit(account, 100)
    return bank


def folded(bank: BankHistory, position: int) -> bytes:
    """The digest as an auditor would compute it from the events, by its definition."""
    digest = hashlib.sha256(b"").digest()
    for stream, version, topic, state in bank.facts[:position]:
        raw = stream.encode()
        content = b"".join((str(len(raw)).encode(), b":", raw, b",", str(version).encode(), b","))
        for part in (topic.encode(), state):
            content += str(len(part)).encode() + b":" + part + b","
        digest = hashlib.sha256(digest + content).digest()
    return digest


@pytest.mark.parametrize("batch_size", [97, 5_000])
def test_the_digest_at_any_position_follows_from_the_events(tenant: Tenant, batch_size: int) -> None:
    bank = long_bank()
    expected = {position: folded(bank, position) for position in (0, 1, 999, 1_000, 1_001, 2_000, EVENTS)}
    tenant.project(bank, batch_size=batch_size)
    for position, digest in expected.items():
        certificate = answer(certificates.at_position(tenant.fetch, position))
        assert (certificate.position, certificate.digest) == (position, digest)


def test_what_was_known_at_an_instant_is_a_beginning_of_the_log(tenant: Tenant) -> None:
    tenant.project(long_bank())
    for seconds, position in ((-1, 0), (0, 1), (1_234, 1_235), (1_234.5, 1_235), (10**6, EVENTS)):
        known = answer(certificates.known_at(tenant.fetch, START + timedelta(seconds=seconds)))
        assert known.position == position
        assert known == answer(certificates.at_position(tenant.fetch, position))


def test_an_empty_log_has_a_certificate_too(tenant: Tenant) -> None:
    assert answer(certificates.newest(tenant.fetch)) == EMPTY
    assert answer(certificates.verify(tenant.fetch)) == EMPTY


def test_an_untouched_log_verifies_to_its_newest_certificate(tenant: Tenant) -> None:
    tenant.project(long_bank())
    verified = answer(certificates.verify(tenant.fetch))
    assert isinstance(verified, Certificate)
    assert verified == answer(certificates.newest(tenant.fetch))
    assert answer(certificates.verify(tenant.fetch, after=1_500)) == verified


CHANGES = {
    "state": "update {schema}.events set state = state || ' '::bytea where notification_id = 1234",
    "topic": "update {schema}.events set topic = topic || 'x' where notification_id = 1234",
    "stream": "update {schema}.events set originator_id = 'account-two' where notification_id = 1234",
    "version": "update {schema}.events set originator_version = 9999 where notification_id = 1234",
    "removed": "delete from {schema}.events where notification_id = 1234",
    "last one removed": "delete from {schema}.events where notification_id = 2345",
    "swapped": "update {schema}.events set notification_id = notification_id - 21"
    " where notification_id in (10, 11);"
    " update {schema}.events set notification_id = -notification_id where notification_id < 0",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_to_an_event_is_noticed(new_ledger: Callable[[], Tenant], change: str) -> None:
    """Made by the owner, who alone can."""
    tenant = new_ledger()
    tenant.project(long_bank())
    tenant.owner.execute(bind(change, tenant.schema).encode())
    with pytest.raises(LogBroken):
        answer(certificates.verify(tenant.fetch))
