"""What is measured: pages, feeds, exports and statistics, each as our API, a naive view and bare SQL answer it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlencode

import time_machine
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from apps.videos.feeds import FeedPages
from apps.videos.models import Match, Video
from benchmarks.api.content import ABSENT, COMMON, END, KEYWORDS, MOST_COMMON, RARE

# Pages of ten rows; of a hundred rows, those that begin at the same row. In the middle, both ends of the list are far.
PAGES: Final = (1, 100, 10_000, 40_000, 25_000)
# How many pages of a hundred rows a client has followed before the page by cursor that is measured.
FOLLOWED: Final = 100
# The most rows of an export.
EXPORTED: Final = 50_000

# SQL and its parameters.
Floor = tuple[str, tuple[Any, ...]]

_SHOWN: Final = """
    SELECT video.video_id, video.title, video.description, video.published_at, video.channel_title, video.thumbnail,
        video.created_at, video.updated_at, video.keyword_id AS keyword, word.keyword AS keyword_text, video.method,
        'https://www.youtube.com/watch?v=' || video.video_id AS watch_url, video.published_exact, video.channel_id,
        video.duration, video.live_state, video.view_count, video.views_read_at, video.starts_at
    FROM ({page}) AS page
    JOIN videos_video AS video ON video.video_id = page.video_id
    LEFT JOIN videos_keywordentry AS word ON word.id = video.keyword_id
    ORDER BY page.{column} {direction}, page.video_id {direction}"""


@dataclass(frozen=True, slots=True)
class Case:
    """What is requested: its address in our API and in the naive view, and the floor's SQL, if there is any.

    `exported` is the number of rows of an export; `is_dated`, whether the answer depends on the time.
    """

    name: str
    ours: str
    naive: str
    floor: Floor | None
    exported: int | None = None
    is_dated: bool = False

    def clock(self) -> AbstractContextManager[Any]:
        """Return a context in which it is the time when the last videos were found, if that matters."""
        return time_machine.travel(END) if self.is_dated else nullcontext()


@cache
def cases() -> dict[str, Case]:
    """Return all cases by name. Where there are too few videos for a page, it is the last full one."""
    return {case.name: case for case in (*_pages(), *_searches(), *_filters(), *_feeds(), *_statistics(), *_exports())}


def _pages() -> Iterator[Case]:
    path = f"/api/keyword/{quote(KEYWORDS[0])}/videos/"
    matches = Match.objects.filter(keyword=1)
    matched = matches.count()
    for size in (10, 100):
        for number in PAGES:
            page = max(1, min(1 + (number - 1) * 10 // size, matched // size))
            query = f"page={page}&page_size={size}"
            name = f"page_{number}" if size == 10 else f"page_{1 + (number - 1) * 10 // size}_of_100"
            yield Case(name, f"{path}?{query}", f"/naive/?keyword=1&{query}", _floor(matches, (page - 1) * size, size))

    page = max(1, min(40_000, Video.objects.count() // 10))
    floor = _floor(Video.objects.all(), (page - 1) * 10)
    yield Case("all_40000", f"/api/videos/?page={page}", f"/naive/?page={page}", floor)

    # The naive view has no cursor, and answers the page with the same rows.
    followed = max(1, min(FOLLOWED, matched // 100 - 1))
    last = matches.newest_first()[followed * 100 - 1]
    older = Q(published_at__lt=last.published_at) | Q(published_at=last.published_at, video_id__lt=last.video_id)
    floor = _floor(matches.filter(older, published_at__lte=last.published_at))
    yield Case("cursor", f"{path}?cursor=&page_size=100", f"/naive/?keyword=1&page={1 + followed * 10}", floor)


def _searches() -> Iterator[Case]:
    for name, word in (("rare", RARE), ("common", COMMON), ("absent", ABSENT)):
        floor = _floor(Video.objects.search(word))
        yield Case(f"search_{name}", f"/api/videos/?search={word}", f"/naive/?search={word}", floor)


def _filters() -> Iterator[Case]:
    """One page for each filter, for some pairs, and for each order."""
    videos, matches = Video.objects.all(), Match.objects.filter(keyword=1)
    middle = videos.newest_first()[videos.count() // 2]
    # Between two videos, so that it makes no difference whether a limit is included.
    published = middle.published_at + timedelta(milliseconds=500)
    channel = videos.filter(channel_title="Channel 9")[:1].get().channel_id
    of_channel = videos.filter(channel_id=channel)
    of_either = videos.filter(Exists(Match.objects.filter(video=OuterRef("pk"), keyword__in=[1, 2])))
    word, date = KEYWORDS[0], published.isoformat().replace("+00:00", "Z")
    filters: list[tuple[str, dict[str, Any], dict[str, Any], QuerySet[Any]]] = [
        ("keyword", {"keyword": word}, {"keyword": 1}, matches),
        ("keywords", {"keyword": KEYWORDS[:2]}, {"keyword__in": "1,2"}, of_either),
        ("keyword_id", {"keyword_id": 1}, {"keyword": 1}, matches),
        ("channel_id", {"channel": channel}, {"channel_id": channel}, of_channel),
        ("channel_title", {"channel": "Channel 9"}, {"channel_id": channel}, of_channel),
        (
            "published_after",
            {"published_after": date},
            {"published_at__gte": date},
            videos.filter(published_at__gt=published),
        ),
        (
            "published_before",
            {"published_before": date},
            {"published_at__lt": date},
            videos.filter(published_at__lt=published),
        ),
        ("found_after", {"found_after": date}, {"created_at__gte": date}, videos.filter(created_at__gt=published)),
        ("found_before", {"found_before": date}, {"created_at__lt": date}, videos.filter(created_at__lt=published)),
        ("method", {"method": "invidious"}, {"method": "invidious"}, videos.filter(method="invidious")),
        ("live", {"live": "live"}, {"live_state": "live"}, videos.filter(live_state="live")),
        ("min_duration", {"min_duration": 36_000}, {"duration__gte": 36_000}, videos.filter(duration__gte=36_000)),
        ("max_duration", {"max_duration": 10}, {"duration__lte": 10}, videos.filter(duration__lte=10)),
        ("exact", {"exact": "false"}, {"published_exact": "false"}, videos.filter(published_exact=False)),
        (
            "keyword_channel",
            {"keyword": word, "channel": channel},
            {"keyword": 1, "channel_id": channel},
            matches.filter(video__channel_id=channel),
        ),
        (
            "keyword_published_before",
            {"keyword": word, "published_before": date},
            {"keyword": 1, "published_at__lt": date},
            matches.filter(published_at__lt=published),
        ),
    ]
    for name, ours, naive, rows in filters:
        query = urlencode(ours, doseq=True)
        yield Case(f"filter_{name}", f"/api/videos/?{query}", f"/naive/?{urlencode(naive)}", _floor(rows))
    for order in ("published_at", "-created_at", "-view_count", "-duration"):
        query = f"?ordering={order}"
        floor = _floor(videos, order=order)
        yield Case(f"order_{order.replace('-', 'most_')}", f"/api/videos/{query}", f"/naive/{query}", floor)


def _feeds() -> Iterator[Case]:
    size = FeedPages.page_size
    floor = _floor(Match.objects.filter(keyword=1), size=size)
    yield Case("feed_keyword", "/api/keywords/1/feed/", "/naive/feed/1/", floor)
    yield Case("feed_all", "/api/videos/feed/", "/naive/feed/", _floor(Video.objects.all(), size=size))


def _statistics() -> Iterator[Case]:
    yield Case("stats_keyword", "/api/keywords/1/stats/", "/naive/stats/1/", None, is_dated=True)
    yield Case("stats_all", "/api/stats/", "/naive/stats/", None, is_dated=True)


def _exports() -> Iterator[Case]:
    """The newest videos, in both formats; and those of them with a word that most have."""
    videos = Video.objects.all()
    first = videos.newest_first()[min(EXPORTED, videos.count()) - 1]
    date = first.published_at.isoformat().replace("+00:00", "Z")
    ours, naive = f"published_after={date}", f"published_at__gte={date}"
    for name, kind, word in (("csv", "csv", ""), ("jsonl", "jsonl", ""), ("search", "jsonl", MOST_COMMON)):
        search = f"&search={word}" if word else ""
        rows = (videos.search(word) if word else videos).filter(published_at__gte=first.published_at)
        number = rows.count()
        yield Case(
            f"export_{name}",
            f"/api/videos/export.{kind}?{ours}{search}",
            f"/naive/export/{kind}/?{naive}{search}",
            _floor(rows, size=number),
            exported=number,
        )


def _floor(rows: QuerySet[Any], start: int = 0, size: int = 10, order: str = "-published_at") -> Floor:
    """Return SQL that selects the ids of `size` videos first, and then what the API shows of them."""
    column = order.removeprefix("-")
    nullable = rows.model._meta.get_field(column).null or None
    if order == column:
        ordered, direction = rows.order_by(F(column).asc(nulls_last=nullable), "video_id"), "ASC"
    else:
        ordered, direction = rows.order_by(F(column).desc(nulls_last=nullable), "-video_id"), "DESC"
    page, parameters = ordered.values_list("video_id", column)[start : start + size].query.sql_with_params()
    return _SHOWN.format(page=page, column=column, direction=direction), parameters
