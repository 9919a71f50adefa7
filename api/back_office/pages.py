"""Pages of lists: which one is wished for, read strictly."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.context import HttpRequest
from api.query_string import known_query_of, one_of, whole_number

# Far beyond any list, and a number of rows that the database can still count.
PAGE_MAX = 1_000_000_000
LIMIT_DEFAULT, LIMIT_MAX = 50, 200
ORDERS = ("asc", "desc")
CREATED_AT = "created_at"


class ListWish(NamedTuple):
    """`sort` is one of those that the list knows. `given` are the filters that were sent, as text."""

    number: int
    limit: int
    sort: str
    is_descending: bool
    given: Mapping[str, str]

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.number - 1) * self.limit


def read_list_wish(
    request: HttpRequest, *, filters: Sequence[str] = (), sorts: tuple[str, ...] = (CREATED_AT,)
) -> ListWish:
    """`page`, `limit`, `sort`, `order` and `filters`. 400 that names it where one is out of its bounds, or
    where there is a parameter that the list does not know. The first of `sorts` is the one if none is sent.

    What a filter may be is for the list to say: see `one_of` and `read_period`.
    """
    query = known_query_of(request, "page", "limit", "sort", "order", *filters)
    return ListWish(
        whole_number(query, "page", least=1, most=PAGE_MAX, default=1),
        whole_number(query, "limit", least=1, most=LIMIT_MAX, default=LIMIT_DEFAULT),
        one_of(query, "sort", sorts) or sorts[0],
        (one_of(query, "order", ORDERS) or "desc") == "desc",
        {name: query[name] for name in filters if name in query},
    )
