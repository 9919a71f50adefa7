"""Statements of the read models: bound to a schema, with whole columns as binary array parameters.

psycopg turns a list into an array element by element in Python. A read model sends whole columns, thousands
of values a batch, so they are packed here at a fraction of that cost. The element type comes from the cast
that follows the placeholder: `unnest(%b::text[], %b::bigint[])`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from itertools import repeat
from struct import Struct
from struct import error as StructError
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_SCHEMA_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PLACEHOLDER = re.compile(r"%b(?:::(\w+)\[\])?")

_HEADER = Struct(">iiiii").pack
_LENGTH = Struct(">i").pack
_LONG = Struct(">iq").pack
_DAY = Struct(">ii").pack
_FLAG = Struct(">i?").pack
_NULL = _LENGTH(-1)

# Postgres counts time from here.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(2000, 1, 1).toordinal()


def bind(statement: str, schema: str) -> str:
    """`statement` with its `{schema}` filled in."""
    if not _SCHEMA_NAME.fullmatch(schema):
        raise ValueError(f"not a schema name: {schema!r}")
    return statement.replace("{schema}", schema)


class PackedArray(bytes):
    """An array in the binary format of the wire."""


class BigintArray(PackedArray):
    OID, ELEMENT_OID = 1016, 20


class TextArray(PackedArray):
    OID, ELEMENT_OID = 1009, 25


class TimestampArray(PackedArray):
    OID, ELEMENT_OID = 1185, 1184


class DateArray(PackedArray):
    OID, ELEMENT_OID = 1182, 1082


class BooleanArray(PackedArray):
    OID, ELEMENT_OID = 1000, 16


class ByteaArray(PackedArray):
    OID, ELEMENT_OID = 1001, 17


def _bigints(values: Sequence[Any]) -> Iterable[bytes]:
    try:
        return list(map(_LONG, repeat(8), values))
    except StructError:
        # One is None; a number beyond 64 bits fails again here.
        return [_NULL if value is None else _LONG(8, value) for value in values]


def _texts(values: Sequence[Any]) -> Iterable[bytes]:
    pieces: list[bytes] = []
    for value in values:
        if value is None:
            pieces.append(_NULL)
        else:
            raw = value.encode()
            pieces.append(_LENGTH(len(raw)))
            pieces.append(raw)
    return pieces


def _timestamps(values: Sequence[Any]) -> Iterable[bytes]:
    pieces: list[bytes] = []
    last, packed = None, _NULL
    for value in values:
        # What was recorded together has one time: most values equal the one before.
        if value is not last:
            last = value
            packed = _NULL if value is None else _LONG(8, microseconds(value))
        pieces.append(packed)
    return pieces


def microseconds(instant: datetime) -> int:
    """Since the year 2000, as Postgres stores it."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _dates(values: Sequence[Any]) -> Iterable[bytes]:
    return [_NULL if day is None else _DAY(4, day.toordinal() - _FIRST_DAY) for day in values]


def _booleans(values: Sequence[Any]) -> Iterable[bytes]:
    return [_NULL if value is None else _FLAG(1, value) for value in values]


def _byteas(values: Sequence[Any]) -> Iterable[bytes]:
    return [_NULL if value is None else _LENGTH(len(value)) + value for value in values]


_Packing = tuple[type[Any], Callable[[Sequence[Any]], Iterable[bytes]]]

# Whole numbers travel as bigint: the cast in the statement turns them into what the column is.
_PACKINGS: dict[str, _Packing] = {
    "bigint": (BigintArray, _bigints),
    "integer": (BigintArray, _bigints),
    "int": (BigintArray, _bigints),
    "smallint": (BigintArray, _bigints),
    "numeric": (BigintArray, _bigints),
    "text": (TextArray, _texts),
    "timestamptz": (TimestampArray, _timestamps),
    "date": (DateArray, _dates),
    "boolean": (BooleanArray, _booleans),
    "bool": (BooleanArray, _booleans),
    "bytea": (ByteaArray, _byteas),
}


def _pack(values: Sequence[Any], packing: _Packing) -> Any:
    array, pack = packing
    if not values:
        return array(_HEADER(0, 0, array.ELEMENT_OID, 0, 1)[:12])
    try:
        pieces = pack(values)
    except StructError:
        # Numbers beyond 64 bits (numeric columns only): psycopg knows them.
        return list(values)
    return array(_HEADER(1, 1, array.ELEMENT_OID, len(values), 1) + b"".join(pieces))


@cache
def _packings(statement: str) -> tuple[_Packing | None, ...]:
    return tuple(_PACKINGS.get(match[1] or "") for match in _PLACEHOLDER.finditer(statement))


def packed(statement: str, parameters: Sequence[Any]) -> list[Any]:
    """The parameters with every list whose element type the statement names packed as an array."""
    return [
        _pack(value, packing) if packing is not None and isinstance(value, list | tuple) else value
        for value, packing in zip(parameters, _packings(statement), strict=True)
    ]


def register_arrays(connection: psycopg.Connection[Any]) -> None:
    """Teaches the connection to send packed arrays as they are."""
    for array in (BigintArray, TextArray, TimestampArray, DateArray, BooleanArray, ByteaArray):
        dumper = type(
            f"{array.__name__}Dumper",
            (Dumper,),
            {"format": Format.BINARY, "oid": array.OID, "dump": lambda _, packed_array: packed_array},
        )
        connection.adapters.register_dumper(array, dumper)
