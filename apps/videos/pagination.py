"""Pages of long lists, without counting all rows for each."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from apps.videos import cursors, serializers
from apps.videos.conditions import FEW
from apps.videos.cursors import Cursor
from apps.videos.errors import whole_number

COUNTED_UP_TO = FEW
MAX_PAGES = 10**9  # databases cannot skip more rows than 2**63


class ShortCountPaginator(Paginator):
    """Paginate with a known number of rows, or count up to COUNTED_UP_TO.

    `known_count` is the exact number of rows of a QuerySet, if it is stored somewhere; without it one query counts,
    unless there are `at_least` as many as are counted.
    Pages beyond the counted rows exist as well: each finds out whether there is a next one.

    A database has to read the rows that a page skips. So paginate ids that an index holds, and look up the page's rows
    afterwards.
    """

    def __init__(self, *args: Any, known_count: int | None = None, at_least: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known_count, self.at_least = known_count, at_least

    @cached_property
    def count(self) -> int:
        if self.known_count is not None:
            return self.known_count
        if self.at_least >= COUNTED_UP_TO:
            return COUNTED_UP_TO
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        if rows.query.combinator:  # Django would read all columns of a UNION
            rows = rows.values_list("pk")
        return rows.order_by()[:COUNTED_UP_TO].count()

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

    def get_page(self, number: Any) -> Page:
        """Return a page, whatever `number` is: beyond the last one, the last of those that are counted."""
        try:
            return super().get_page(number)
        except EmptyPage:  # beyond what is counted, pages are not known before they are read
            return super().page(self.num_pages)

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
    page_query_description = "The number of the page, from 1."
    page_size_query_description = "Rows of a page: 10 if it is not given, at most 100."
    invalid_page_message = "There is no page {page_number}."

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None, **counted: Any) -> list[Any]:
        """Return the requested page; `counted` is passed to ShortCountPaginator: `known_count` or `at_least`."""
        self._check_page_size(request)
        self.django_paginator_class = partial(ShortCountPaginator, **counted)  # type: ignore[assignment]
        return super().paginate_queryset(queryset, request, view) or []

    def _check_page_size(self, request: Any) -> None:
        """Raise ValidationError unless `page_size` is a positive number; too large a one is reduced."""
        size = request.query_params.get(self.page_size_query_param, "1")
        if not (size.isascii() and size.isdigit() and size.strip("0") and len(size) < 19):
            raise ValidationError({self.page_size_query_param: whole_number(1, self.max_page_size)})

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        if not self.page.paginator.count_is_exact:  # type: ignore[union-attr]
            response.data = {"count_is_exact": False, **response.data}
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count_is_exact": {
                    "const": False,
                    "description": f"Only if there are {COUNTED_UP_TO:,} rows or more: the others were not counted.",
                },
                "count": {"type": "integer", "minimum": 0},
                "next": {**link, "description": "The address of the next page; null: this is the last one."},
                "previous": {**link, "description": "The address of the page before; null: this is the first one."},
                "results": schema,
            },
        }


class VideoPages(Pages):
    """Pages of videos as plain values, from a queryset of videos or of matches.

    `rows_of` returns what VideoSerializer shows of the videos with these ids: video_rows(), for the list's keywords.

    `page` counts rows, so a page begins elsewhere after rows were added before it. `cursor` continues after the last
    row (cursors.py): a client that follows `next` while rows are added and removed gets all others exactly once. If
    the list is ordered by `published_at`, and a source corrects the date of a video meanwhile, that video may pass the
    client in either direction, and come twice or not at all; `created_at` never changes.
    """

    cursor_query_param = "cursor"
    cursor_query_description = "Instead of `page`: empty for the first page, then follow `next`."

    def __init__(self, rows_of: Callable[[Sequence[str]], list[Any]] | None = None) -> None:
        self.rows_of = rows_of or serializers.video_rows

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None, **counted: Any) -> list[Any]:
        """Return what VideoSerializer shows of the page's videos; two queries, and one that counts if necessary."""
        self.links: dict[str, Cursor | None] | None = None
        if self.cursor_query_param in request.query_params:
            return self.rows_of(self._page_by_cursor(queryset, request, **counted))
        ids = queryset.values_list("video_id", flat=True)
        return self.rows_of(super().paginate_queryset(ids, request, view, **counted))

    def _page_by_cursor(self, queryset: QuerySet[Any], request: Any, **counted: Any) -> list[str]:
        """Return the ids of the page, and keep its links."""
        self._check_page_size(request)
        if self.page_query_param in request.query_params:
            raise cursors.invalid("Use either page or cursor.")
        self.request = request
        size = self.get_page_size(request) or self.page_size
        order = cursors.Order.of(queryset)
        digest = cursors.digest(request, order)
        text = request.query_params[self.cursor_query_param]
        cursor = Cursor.read(text, digest) if text else None
        backwards = cursor is not None and cursor.backwards

        direction = order.reversed() if backwards else order
        rows = direction.apply(queryset)
        if cursor:
            rows = rows.filter(direction.after(cursor.value, cursor.video_id))
        found = list(rows.values_list(order.field, "video_id")[: size + 1])
        more, page = len(found) > size, found[:size][:: -1 if backwards else 1]
        self.links = {"next": None, "previous": None}
        if page and (more or backwards):
            self.links["next"] = Cursor(digest, page[-1][0], page[-1][1])
        if page and (more if backwards else cursor):
            self.links["previous"] = Cursor(digest, page[0][0], page[0][1], backwards=True)
        ids = [video_id for _, video_id in page]
        self.page = Page(ids, 1, ShortCountPaginator(queryset.values_list("video_id"), size, **counted))
        return ids

    def get_next_link(self) -> str | None:
        return super().get_next_link() if self.links is None else self._link(self.links["next"])

    def get_previous_link(self) -> str | None:
        return super().get_previous_link() if self.links is None else self._link(self.links["previous"])

    def _link(self, cursor: Cursor | None) -> str | None:
        if cursor is None or self.request is None:
            return None
        return replace_query_param(self.request.build_absolute_uri(), self.cursor_query_param, str(cursor))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        cursor = {
            "name": self.cursor_query_param,
            "required": False,
            "in": "query",
            "description": self.cursor_query_description,
            "schema": {"type": "string"},
        }
        return [*super().get_schema_operation_parameters(view), cursor]
