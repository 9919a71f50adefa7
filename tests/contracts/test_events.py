"""What was stored can be read for ever, and what is stored changes only on purpose.

After a deliberate change: `python -m tests.contracts.record_events`.
"""

import json
import re
from pathlib import Path

import msgspec
import pytest

from domain.catalogue import (
    EVENTS,
    EVOLVE,
    RETIRED,
    SNAPSHOT_TOPICS,
    SNAPSHOT_TYPES,
    category,
    decode,
    encode,
)
from domain.events import Envelope, Event
from tests.contracts.event_examples import bare, full
from tests.contracts.record_events import SAMPLES, SCHEMAS, sample_of, samples_of, schema_of

BY_TOPIC = {event.TOPIC: event for event in EVENTS}
ALL_SAMPLES = sorted(SAMPLES.glob("*.json"))


def each_event() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)


@each_event()
def test_an_event_has_the_shape_that_was_agreed(event: type[Event]) -> None:
    assert schema_of(event) == json.loads((SCHEMAS / f"{event.TOPIC}.json").read_text())


@each_event()
def test_todays_shape_is_among_the_samples(event: type[Event]) -> None:
    assert sample_of(event) == json.loads(samples_of(event.TOPIC)[-1].read_text())


@each_event()
def test_an_event_survives_being_stored(event: type[Event]) -> None:
    for envelope in (full(event), bare(event)):
        assert decode(event.TOPIC, encode(envelope)) == envelope


@pytest.mark.parametrize("sample", ALL_SAMPLES, ids=lambda sample: sample.stem)
def test_what_was_ever_stored_loads_and_loses_nothing(sample: Path) -> None:
    stored = json.loads(sample.read_text())
    for content in (stored["full"], stored["bare"]):
        envelope = decode(stored["topic"], json.dumps(content).encode())
        assert isinstance(envelope, Envelope)
        if stored["topic"] not in RETIRED:
            assert set(content["data"]) <= set(BY_TOPIC[stored["topic"]].__struct_fields__)


def test_no_schema_is_left_of_an_event_that_is_gone() -> None:
    assert {file.stem for file in SCHEMAS.glob("*.json")} == set(BY_TOPIC)


def test_every_topic_with_samples_can_still_be_read() -> None:
    assert {json.loads(file.read_text())["topic"] for file in ALL_SAMPLES} == {*BY_TOPIC, *RETIRED}


def test_topics_are_unique_and_speak_of_their_category() -> None:
    assert len(BY_TOPIC) == len(EVENTS)
    for topic in (*BY_TOPIC, *RETIRED):
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", topic)
        assert topic.partition(".")[0] in EVOLVE
    assert not set(BY_TOPIC) & set(RETIRED)


def test_the_catalogue_has_every_event_that_is_defined() -> None:
    def leaves(event: type[Event]) -> set[type[Event]]:
        return {event} | {leaf for child in event.__subclasses__() for leaf in leaves(child)}

    defined = {event for event in leaves(Event) - {Event} if event.__module__.startswith("domain.")}
    assert defined == set(EVENTS)


@each_event()
def test_events_are_frozen_and_cannot_be_changed(event: type[Event]) -> None:
    assert event.__struct_config__.frozen
    example = full(event).data
    for name in event.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(example, name, None)


FIRST_OF_CATEGORY = {
    "account": "account.opened",
    "authorization": "authorization.decided",
    "card": "card.issued",
    "client": "client.registered",
    "hold": "hold.placed",
    "transaction": "transaction.posted",
    "transfer": "transfer.created",
    "user": "user.registered",
    "webhook": "webhook.created",
}


@each_event()
def test_every_event_is_folded_by_its_category(event: type[Event]) -> None:
    name = event.TOPIC.partition(".")[0]
    state = None
    first = FIRST_OF_CATEGORY.get(name)
    if first is not None and first != event.TOPIC:
        state = EVOLVE[name](None, full(BY_TOPIC[first]).data)
    for envelope in (full(event), bare(event)):
        assert EVOLVE[name](state, envelope.data) is not None


@pytest.mark.parametrize("name", SNAPSHOT_TYPES)
def test_a_snapshot_gives_back_the_state_it_was_taken_of(name: str) -> None:
    state = None
    events = [event for event in EVENTS if event.TOPIC.partition(".")[0] == name]
    for event in events:
        state = EVOLVE[name](state, full(event).data)
    kind = SNAPSHOT_TYPES[name]
    assert msgspec.json.decode(msgspec.json.encode(state), type=kind) == state
    assert SNAPSHOT_TOPICS[name].startswith(f"{name}.snapshot.")


def test_a_streams_category_is_what_stands_before_its_first_dash() -> None:
    assert category("account-a-b") == "account"
    assert category("chart_of_accounts-main") == "chart_of_accounts"
