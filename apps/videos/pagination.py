"""Pages of long lists, without counting a million rows for each."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

COUNTED_UP_TO = 10_000


class ShortCountPaginator(Paginator):
    """Paginate by a count that is known, or that stops at 10,000.

    `known_count` is the exact number of rows where somebody keeps it; without it one query counts up to 10,000.
    """

    def __init__(self, *args: Any, known_count: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known_count = known_count

    @cached_property
    def count(self) -> int:
        if self.known_count is not None:
            return self.known_count
        rows = self.object_list
        return rows.order_by()[:COUNTED_UP_TO].count() if isinstance(rows, QuerySet) else len(rows)

    @property
    def count_is_exact(self) -> bool:
        return self.known_count is not None or self.count < COUNTED_UP_TO


class Pages(PageNumberPagination):
    """`page` and `page_size`; a view that knows its list's length tells it by `known_count()`."""

    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        known_count = view.known_count() if hasattr(view, "known_count") else None

        def paginator(rows: Any, page_size: int) -> ShortCountPaginator:
            return ShortCountPaginator(rows, page_size, known_count=known_count)

        self.django_paginator_class = paginator  # type: ignore[assignment]
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        if not self.page.paginator.count_is_exact:  # type: ignore[union-attr]
            response.data = {"count_is_exact": False, **response.data}
        return response
