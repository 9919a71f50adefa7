"""A hostile amount costs no more than any other."""

import sys
from types import FrameType
from typing import Any

import pytest

from api.exchange import ApiError
from api.transfers.requests import create_decoder, read_create
from tests.api.transfer_requests import with_raw


@pytest.mark.parametrize(
    "amount",
    [
        b"9" * 500_000,
        b"1e400000",
        b"1e999999999",
        b'"1e999999999"',
        b"0." + b"0" * 500_000 + b"1",
        b'"' + b"9" * 500_000 + b'"',
    ],
    ids=lambda amount: repr(amount[:20]),
)
def test_a_hostile_amount_costs_as_little_as_any(amount: bytes) -> None:
    """Counted, not timed: as many calls, of Python's and of C's functions, as for a plain amount."""
    plain = _steps_to_read(with_raw("amount", b"1.005"))
    assert _steps_to_read(with_raw("amount", amount)) <= plain + 10


def _steps_to_read(body: bytes) -> int:
    parsed = create_decoder.decode(body)
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        read_create(parsed, "user_demo")
    except ApiError:
        pass
    finally:
        sys.setprofile(None)
    return steps
