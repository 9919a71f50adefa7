"""Rows of reports as they are written down: as JSON with exact numbers, and as CSV (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec

from domain.money import Money
from projections.custom_reports import Cell, Format

_encoder = msgspec.json.Encoder()


def written(rows: Iterable[Sequence[Cell]], format: Format) -> bytes:
    """JSON arrays with commas between them, or lines. Two parts in JSON need one more between them."""
    return _as_csv(rows) if format == "csv" else _as_json(rows)


def _as_json(rows: Iterable[Sequence[Cell]]) -> bytes:
    encode = _encoder.encode
    return b",".join(encode([_exact(cell) for cell in row]) for row in rows)


def _exact(cell: Cell) -> str | int | msgspec.Raw:
    """A number would lose its last digits."""
    return msgspec.Raw(cell.decimal().encode()) if isinstance(cell, Money) else cell


def _as_csv(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(
        [cell.decimal() if isinstance(cell, Money) else cell for cell in row] for row in rows
    )
    return text.getvalue().encode()
