"""Members of bodies: those that are known, whether they were sent, and what is wrong with them by name."""

import msgspec
import pytest

from api.amounts import read_amount
from api.back_office.requests import is_null, is_sent, nested_members, require
from api.exchange import ApiError

SENT = msgspec.Raw(b'{"name": "x", "gone": null, "empty": "", "inner": {"amount": 5}}')
NAMES = ("name", "gone", "empty", "inner", "missing")


def field_of(raised: pytest.ExceptionInfo[ApiError]) -> tuple[int, str | None]:
    return raised.value.status, raised.value.field


def test_what_was_not_sent_is_not_null() -> None:
    """A change has to tell them apart."""
    members = nested_members(SENT, "filters", *NAMES)
    assert list(members) == list(NAMES)
    assert [name for name in NAMES if is_sent(members[name])] == ["name", "gone", "empty", "inner"]
    assert [name for name in NAMES if is_null(members[name])] == ["gone"]


@pytest.mark.parametrize("name", ["gone", "empty", "missing"])
def test_what_is_required_must_be_something(name: str) -> None:
    members = nested_members(SENT, "filters", *NAMES)
    require(members, "name", "inner")
    with pytest.raises(ApiError) as raised:
        require(members, "name", name)
    assert field_of(raised) == (400, name)


def test_an_inner_member_is_named_with_its_object() -> None:
    with pytest.raises(ApiError) as raised:
        nested_members(SENT, "filters", "name")
    assert field_of(raised) == (400, "filters.gone")


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"1", b'"x"', b"{", b"[" * 10_000, b'{"\\ud800": 1}'])
def test_what_is_no_object(raw: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        nested_members(msgspec.Raw(raw), "filters", "name")
    assert field_of(raised) == (400, "filters")


@pytest.mark.parametrize("raw", [b"5", b'"5"', b"5.00", b'"5.00"'])
def test_an_amount_is_a_number_or_the_same_as_text(raw: bytes) -> None:
    assert read_amount(msgspec.Raw(raw), "amount", "USD").minor == 500


@pytest.mark.parametrize("raw", [b"0", b"-1", b"5.001", b"1e3", b"true", b"null", b'"NaN"', b"9" * 16])
def test_what_is_no_amount_names_its_field(raw: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        read_amount(msgspec.Raw(raw), "inner.amount", "USD")
    assert field_of(raised) == (400, "inner.amount")
