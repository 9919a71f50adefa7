"""What a read model is: its tables, how it applies a batch of facts, and what it is compared by."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from domain.events import Event


class Recorded(NamedTuple):
    """One fact as it was read back from the log."""

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: datetime
    effective_at: datetime
    actor: str
    correlation_id: str
    event: Event


class Write(Protocol):
    """Runs one statement inside the batch's transaction. `{schema}` in it is the read models' schema.

    Parameters are sent in binary (`%b`), lists as arrays: one set-based statement per table and batch.
    """

    def __call__(self, statement: str, parameters: Sequence[Any] = ()) -> None: ...


class ReadModel(NamedTuple):
    """Read models have a module each, which ends with its `MODEL = ReadModel(...)`.

    `version` is raised when the tables or what is put into them changes: the model is then rebuilt.
    `tables` is DDL with `{schema}`; `table_names` are compared, row by row, when a rebuild is proved equal.
    """

    name: str
    version: int
    tables: str
    table_names: tuple[str, ...]
    apply: Callable[[Sequence[Recorded], Write], None]


class Fetch(Protocol):
    """Runs one query over a tenant's read models and gives its rows as dictionaries.

    `{schema}` in it is the tenant's schema; parameters are named (`%(account_id)s`).
    """

    async def __call__(self, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]: ...
