"""What routes of the back office have in common in the OpenAPI document."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from api.back_office.envelope import Listed, Success
from api.back_office.errors import ErrorAnswer
from api.back_office.pages import CREATED_AT, LIMIT_MAX, ORDERS, PAGE_MAX
from api.operations import WITH_TOKEN, Answer, Parameter, refusals

POSITION = ("X-Ledger-Position",)
BANKING_READ, BANKING_WRITE, BANKING_ADMIN = ("banking.read",), ("banking.write",), ("banking.admin",)

# What may be answered whatever is asked for: to a GET, to what has a body, and to what has none.
READING = refusals(ErrorAnswer, 400, 404, *WITH_TOKEN)
WRITING = refusals(ErrorAnswer, 400, 404, 409, 413, 415, 422, *WITH_TOKEN)
CHANGING = refusals(ErrorAnswer, 400, 404, 409, 413, 422, *WITH_TOKEN)

IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "The same key with the same request gives the same answer, and takes effect once.",
    Annotated[str, Meta(min_length=1, max_length=255)],
)
MIN_POSITION = Parameter(
    "X-Min-Position",
    "header",
    "Waits until reads show this position of the ledger.",
    Annotated[str, Meta(pattern="^[0-9]{1,18}$")],
)


def page_parameters(*sorts: str) -> tuple[Parameter, ...]:
    """Those of a list that can be sorted by `sorts`, the first of them if none is sent."""
    known = sorts or (CREATED_AT,)
    return (
        Parameter("page", "query", "Which page, from 1.", Annotated[int, Meta(ge=1, le=PAGE_MAX)]),
        Parameter(
            "limit", "query", "How many on a page; 50 if left out.", Annotated[int, Meta(ge=1, le=LIMIT_MAX)]
        ),
        Parameter("sort", "query", "What the list is sorted by.", Literal[known]),
        Parameter("order", "query", "Descending if left out.", Literal[ORDERS]),
        MIN_POSITION,
    )


def shown(description: str, body: Any, example: Any = None, status: int = 200) -> dict[int, Answer]:
    """The answer of a GET: `body` is the type of `data`, `example` an example of it."""
    return {status: Answer(description, Success[body], _enveloped(example)), **READING}


def done(description: str, body: Any, example: Any = None, status: int = 200) -> dict[int, Answer]:
    """The answer of what changed something."""
    answered = Answer(description, Success[body], _enveloped(example), headers=POSITION)
    return {status: answered, **WRITING}


def listed(description: str, body: Any, example: Any = None) -> dict[int, Answer]:
    """The answer of a list: `body` is the type of a row, `example` an example of one."""
    if example is None:
        return {200: Answer(description, Listed[body]), **READING}
    pagination = {
        "current_page": 1,
        "per_page": 50,
        "total_pages": 1,
        "total_count": 1,
        "has_next": False,
        "has_previous": False,
    }
    page = {"status": "success", "data": [example], "pagination": pagination, "meta": _META}
    return {200: Answer(description, Listed[body], page), **READING}


_META = {"timestamp": "2024-01-01T12:00:00Z", "request_id": "unique-request-identifier", "version": "v1"}


def _enveloped(example: Any) -> Any:
    return None if example is None else {"status": "success", "data": example, "meta": _META}
