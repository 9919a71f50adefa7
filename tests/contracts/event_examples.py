"""An example of any event, made from its type: with every member, or with those it must have."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import inspect

from domain.events import Envelope, Event

AT = datetime(2025, 10, 20, 15, 30, 0, 123_456, tzinfo=UTC)
LATER = datetime(2025, 10, 21, 12, tzinfo=UTC)


def full(event: type[Event]) -> Envelope[Any]:
    return Envelope(AT, _event(event, with_optional=True), LATER, "user_demo", "request-1", "event-1")


def bare(event: type[Event]) -> Envelope[Any]:
    return Envelope(AT, _event(event, with_optional=False))


def _event(event: type[Event], *, with_optional: bool) -> Event:
    values = {
        field.name: _value(field.type, field.name)
        for field in inspect.type_info(event).fields  # type: ignore[attr-defined]  # it is a struct
        if field.required or with_optional
    }
    return msgspec.convert(values, event)


_PLAIN: dict[type[inspect.Type], Any] = {
    inspect.IntType: 12_345,
    inspect.BoolType: True,
    inspect.DateTimeType: AT,
    inspect.DateType: AT.date(),
    inspect.RawType: msgspec.Raw(b'{"answer":1}'),
}


def _value(wanted: inspect.Type, name: str) -> Any:
    match wanted:
        case inspect.StrType():
            return "USD" if name == "currency" else name
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=enumeration):
            return next(iter(enumeration))
        case inspect.UnionType(types=types):
            return _value(next(each for each in types if not isinstance(each, inspect.NoneType)), name)
        case inspect.DictType(value_type=value):
            return {name: _value(value, name)}
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return [_value(item, name)]
        case inspect.StructType(cls=struct, fields=fields, array_like=array_like):
            members = {field.encode_name: _value(field.type, field.name) for field in fields}
            return msgspec.convert(list(members.values()) if array_like else members, struct)
        case _:
            return _PLAIN[type(wanted)]
