"""Answers of the back office in their envelope."""

from collections.abc import Sequence
from typing import Any

from api.back_office.envelope import Listed, Pagination, Success, meta_of
from api.back_office.pages import ListWish
from api.context import HttpRequest, JsonResponse, exchange_of, respond


def answer(request: HttpRequest, data: Any, status: int = 200) -> JsonResponse:
    return respond(Success("success", data, meta_of(exchange_of(request))), status)


def answer_page(request: HttpRequest, wish: ListWish, rows: Sequence[Any], total: int) -> JsonResponse:
    """The page that was wished for, with its `rows`, of `total` rows that all pages have together."""
    return respond(Listed("success", rows, pagination(wish, total), meta_of(exchange_of(request))))


def pagination(wish: ListWish, total: int) -> Pagination:
    pages = -(-total // wish.limit)
    return Pagination(
        current_page=wish.number,
        per_page=wish.limit,
        total_pages=pages,
        total_count=total,
        has_next=wish.number < pages,
        # Of a page past the end, too: there is one to go back to wherever there are rows.
        has_previous=wish.number > 1 and total > 0,
    )
