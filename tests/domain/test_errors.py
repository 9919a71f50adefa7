"""Refusals have stable codes, and one that was recorded comes back the same."""

import dataclasses

import pytest

from domain import errors
from domain.errors import BY_CODE, DomainError


def example(error: type[DomainError]) -> DomainError:
    facts = {
        field.name: 7 if field.type is int else "text" for field in dataclasses.fields(error) if field.init
    }
    return error(**facts)


@pytest.mark.parametrize("code", BY_CODE)
def test_a_recorded_refusal_comes_back_the_same(code: str) -> None:
    error = example(BY_CODE[code])
    assert errors.restore(error.code, error.facts()) == error


def test_every_refusal_has_a_code_of_its_own() -> None:
    assert all(code and code == error.code for code, error in BY_CODE.items())
    assert len(set(BY_CODE.values())) == len(BY_CODE)


def test_a_refusal_reads_as_its_code_and_facts() -> None:
    refusal = errors.InsufficientFunds(100, 200, 0, "USD")
    assert str(refusal) == "insufficient_funds, available=100, required=200, fee=0, currency=USD"


def test_every_code_is_in_the_modules_overview() -> None:
    overview = str(errors.__doc__)
    assert [code for code in BY_CODE if code not in overview.split()] == []
