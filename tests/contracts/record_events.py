"""`python -m tests.contracts.record_events`: records today's shapes of all events, after a deliberate change.

Schemas are overwritten. Samples are only added: what was stored once must load for ever.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from domain.catalogue import EVENTS, encode
from domain.events import Event
from tests.contracts.event_examples import bare, full

SCHEMAS = Path(__file__).parent / "schemas"
SAMPLES = Path(__file__).parent / "samples"


def schema_of(event: type[Event]) -> dict[str, Any]:
    # As it reads back: JSON knows no tuples.
    schema: dict[str, Any] = json.loads(json.dumps(msgspec.json.schema(event)))
    return {"topic": event.TOPIC, **schema}


def samples_of(topic: str) -> list[Path]:
    """The topic's samples, the oldest first."""
    return sorted(SAMPLES.glob(f"{topic}.v*.json"), key=lambda file: int(file.stem.rpartition(".v")[2]))


def sample_of(event: type[Event]) -> dict[str, Any]:
    return {
        "topic": event.TOPIC,
        "full": json.loads(encode(full(event))),
        "bare": json.loads(encode(bare(event))),
    }


def written(content: Any) -> str:
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def main() -> None:
    for folder in (SCHEMAS, SAMPLES):
        folder.mkdir(exist_ok=True)
    topics = {event.TOPIC for event in EVENTS}
    for file in SCHEMAS.glob("*.json"):
        if file.stem not in topics:
            file.unlink()
    for event in EVENTS:
        (SCHEMAS / f"{event.TOPIC}.json").write_text(written(schema_of(event)))
        known = samples_of(event.TOPIC)
        sample = written(sample_of(event))
        if not known or known[-1].read_text() != sample:
            (SAMPLES / f"{event.TOPIC}.v{len(known) + 1}.json").write_text(sample)


if __name__ == "__main__":
    main()
