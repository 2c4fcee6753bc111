"""Pages of long lists, without counting all rows for each."""

from functools import partial
from typing import Any

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from apps.videos.serializers import video_rows

COUNTED_UP_TO = 10_000
MAX_PAGES = 10**9  # databases cannot skip more rows than 2**63


class ShortCountPaginator(Paginator):
    """Paginate with a known number of rows, or count up to 10,000.

    `known_count` is the exact number of rows of a QuerySet, if it is stored somewhere; without it one query counts up
    to 10,000.
    Pages beyond the counted rows exist as well: each finds out whether there is a next one.

    A database has to read the rows that a page skips. So paginate ids that an index holds, and look up the page's rows
    afterwards.
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

    def validate_number(self, number: Any) -> int:
        try:
            return super().validate_number(number)
        except EmptyPage:
            if self.count_is_exact or not 1 <= int(number) <= MAX_PAGES:
                raise
            return int(number)

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        if self.known_count and start > self.known_count // 2:
            return Page(self._from_the_end(start, self.known_count), number, self)
        if self.count_is_exact or number < self.num_pages:
            return super().page(number)
        rows = list(self.object_list[start : start + self.per_page + 1])
        if not rows:
            raise EmptyPage(self.error_messages["no_results"])
        self.num_pages = number + (len(rows) > self.per_page)
        return Page(rows[: self.per_page], number, self)

    def _from_the_end(self, start: int, count: int) -> list[Any]:
        """Return the page's rows by walking from the end, which is nearer: a database reads all rows that it skips."""
        stop = min(start + self.per_page, count)
        rows: Any = self.object_list
        return list(rows.reverse()[count - stop : count - start])[::-1]


class Pages(PageNumberPagination):
    """Pagination by `page` and `page_size`."""

    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100

    def paginate_queryset(
        self, queryset: Any, request: Any, view: Any = None, *, known_count: int | None = None
    ) -> list[Any]:
        """Return the requested page; `known_count` is the number of rows, if it is known."""
        self._check_page_size(request)
        self.django_paginator_class = partial(ShortCountPaginator, known_count=known_count)  # type: ignore[assignment]
        return super().paginate_queryset(queryset, request, view) or []

    def _check_page_size(self, request: Any) -> None:
        """Raise ValidationError unless `page_size` is a positive number; too large a one is reduced."""
        size = request.query_params.get(self.page_size_query_param, "1")
        if not (size.isascii() and size.isdigit() and size.strip("0") and len(size) < 19):
            raise ValidationError({self.page_size_query_param: ["Must be a whole number from 1 to 100."]})

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        if not self.page.paginator.count_is_exact:  # type: ignore[union-attr]
            response.data = {"count_is_exact": False, **response.data}
        return response


class VideoPages(Pages):
    """Pages of videos as plain values, from a queryset of videos or of matches."""

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None, **kwargs: Any) -> list[Any]:
        ids = queryset.values_list("video_id", flat=True)
        return video_rows(super().paginate_queryset(ids, request, view, **kwargs))
