"""All videos of a list as a file: CSV or JSON Lines, and a text that describes them, so that they can be cited."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from threading import BoundedSemaphore
from typing import Any

import orjson
from django.conf import settings
from django.db.models import Count, Max, Min, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from rest_framework.exceptions import APIException

from apps.videos.cursors import Order
from apps.videos.feeds import public_address
from apps.videos.filters import KeywordVideoFilters
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.pagination import ShortCountPaginator
from apps.videos.serializers import VideoSerializer, rows_of, video_rows

# Dates and ids are read in portions of this size: a search for a common word gathers all its matches for each portion.
# The videos themselves, which are larger, are read in smaller portions.
POSITIONS = 20_000
ROWS = 250

# An export holds a thread of the web server until its client has read it. Each process sends so many at once; it has
# more threads (config/serve.py).
AT_ONCE = 2
_slots = BoundedSemaphore(AT_ONCE)

# First characters of what spreadsheets may take for a formula, also in the forms of East Asian keyboards; and the
# apostrophe that is put before them, so that it can be removed again.
# https://owasp.org/www-community/attacks/CSV_Injection
_ESCAPED = frozenset("=+-@\t\r\n＝＋－＠'")


class Busy(APIException):
    status_code = 503
    default_detail = "Too many exports at once. Try again later."
    wait = 60  # REST framework makes it the header Retry-After


def read(
    videos: QuerySet[Any], rows_of: Callable[[Sequence[str]], list[dict[str, Any]]] = video_rows
) -> Iterator[list[dict[str, Any]]]:
    """Yield what VideoSerializer shows of all `videos`, or matches, ordered by a date; some hundred at a time.

    Each query is short and continues after the last row, so no transaction stays open while a client is slow, and
    videos that arrive or are removed meanwhile do not affect the others.
    """
    order, rest = Order.of(videos), videos
    while positions := list(rest.values_list(order.field, "video_id")[:POSITIONS]):
        for start in range(0, len(positions), ROWS):
            yield rows_of([video_id for _, video_id in positions[start : start + ROWS]])
        rest = videos.filter(order.after(*positions[-1]))


def in_csv(portions: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Write CSV (RFC 4180) that spreadsheets open safely.

    It begins with a byte order mark: Excel would not read it as UTF-8 without one. Text that a spreadsheet could take
    for a formula, and text that begins with an apostrophe, gets an apostrophe before it.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    file.write("\ufeff")
    writer.writerow(VideoSerializer.Meta.fields)
    for rows in chain([[]], portions):  # the header does not wait for rows, and is there without any
        writer.writerows(map(cell, row.values()) for row in rows)
        yield file.getvalue().encode()
        file.seek(0)
        file.truncate()


def without_escape(text: str) -> str:
    """Return the text of a cell() without the apostrophe that was put before it."""
    return text[1:] if text[:1] == "'" and text[1:2] in _ESCAPED else text


def cell(value: Any) -> Any:
    """Return a cell: lists, dates and truth values as in JSON, and nothing for null."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in _ESCAPED else value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return orjson.dumps(value).decode()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def in_json_lines(portions: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    """Write one JSON object per line, as the API shows a video."""
    for rows in portions:
        yield b"".join(orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE) for row in rows)


WRITERS = {"csv": in_csv, "jsonl": in_json_lines}
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/jsonl",
    "txt": "text/plain; charset=utf-8",
}


class Slot:
    """Chunks that count as an export until they have been read, or are closed; raises Busy."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        if not _slots.acquire(blocking=False):
            raise Busy
        self.chunks, self.held = chunks, True

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.chunks
        finally:
            self.close()

    def close(self) -> None:
        """Release the slot; the web server closes each response, also one that its client did not read to the end."""
        if self.held:
            self.held = False
            _slots.release()


def export(request: HttpRequest, filters: KeywordVideoFilters, kind: str) -> HttpResponseBase:
    """Return the videos that `filters` choose as a file of this `kind`: csv, jsonl, or txt, which describes them."""
    headers = {
        "Content-Type": CONTENT_TYPES[kind],
        "Content-Disposition": str(content_disposition_header(True, file_name(filters, kind))),
        "Cache-Control": "no-store",
    }
    if kind == "txt":
        return HttpResponse(description(request, filters), headers=headers)
    if (count := filters.counted().get("known_count")) is not None:
        headers["X-Total-Count"] = str(count)
    chunks = WRITERS[kind](read(filters.rows(), rows_of(filters)))
    # The slot comes last: what fails before has none to release.
    return StreamingHttpResponse(() if request.method == "HEAD" else Slot(chunks), headers=headers)


def file_name(filters: KeywordVideoFilters, kind: str) -> str:
    """Return a name that any system accepts: of the keyword, if there is only one, and the time."""
    words = [entry.keyword for entry in filters.entries()]
    subject = slugify(words[0], allow_unicode=True)[:50] if len(words) == 1 else ""
    return f"windhover-{subject or 'videos'}-{timezone.now():%Y%m%dT%H%M%SZ}.{kind}"


def description(request: HttpRequest, filters: KeywordVideoFilters) -> str:
    """Return what the videos are that `filters` choose now, how they were found, and what may be missing."""
    now = timezone.now()
    videos = ShortCountPaginator(filters.rows().values_list("video_id"), 1, **filters.counted())
    estimated = None
    if "exact" not in request.GET:
        parameters = request.GET.copy()
        parameters["exact"] = "false"
        others = type(filters)(parameters, filters.queryset, entry=filters.entry)
        estimated = ShortCountPaginator(others.rows().values_list("video_id"), 1)
    # The same videos later: those that were found until now.
    parameters = request.GET.copy()
    parameters.setdefault("found_before", f"{now:%Y-%m-%dT%H:%M:%S.%fZ}")
    address = public_address(request, request.get_full_path().partition("?")[0])
    return render_to_string(
        "videos/export.txt",
        {
            "version": settings.VERSION,
            "now": now,
            "videos": videos,
            "estimated": estimated,
            "filters": [(name, value) for name, values in request.GET.lists() for value in values],
            "addresses": [f"{address.removesuffix('txt')}{kind}?{parameters.urlencode()}" for kind in WRITERS],
            "keywords": _with_fetches(filters.entries()),
            "log_days": settings.KEEP_LOGS,
            "without_hidden": filters.wants_hidden() is False,
        },
    )


def _with_fetches(entries: Sequence[KeyWordEntry]) -> Iterator[tuple[KeyWordEntry, "Fetches"]]:
    """Yield each keyword, or all if there are none given, with what the fetch log says about it."""
    logs = VideoLog.objects.filter(keyword__in=entries) if entries else VideoLog.objects.exclude(keyword=None)
    fetches: dict[int, Fetches] = defaultdict(Fetches)
    for row in logs.values("keyword", "error_code", "status", "method").annotate(
        count=Count("pk"), first=Min("created_at"), last=Max("created_at"), used=Sum("searches")
    ):
        fetches[row["keyword"]].add(row)
    for entry in entries or KeyWordEntry.objects.kept().with_sharing().prefetch_related("gaps"):
        yield entry, fetches[entry.pk]


class Fetches:
    """The fetches of a keyword that the log has."""

    def __init__(self) -> None:
        self.number = self.searches = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        # Not Counters: templates would look their items() up as a key.
        self.statuses: dict[str, int] = {}
        self.errors: dict[str, int] = {}
        self.sources: dict[str, int] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Add `count` fetches with the same status, error and source."""
        self.number += row["count"]
        self.searches += row["used"]
        self.first = min(self.first or row["first"], row["first"])
        self.last = max(self.last or row["last"], row["last"])
        for counts, name in (
            (self.statuses, row["status"]),
            (self.errors, row["error_code"]),
            (self.sources, row["method"]),
        ):
            if name:
                counts[name] = counts.get(name, 0) + row["count"]
