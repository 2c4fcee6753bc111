"""Measure storing what a search found, against a loop of update_or_create() and an upsert in SQL as the floor.

The floor and the naive side only write the naive view's table. Ours also compares the rows, stores matches and counts,
and enters each video in many indexes. A second loop, on our tables, shows what that costs without storing.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from apps.videos import keywords
from apps.videos.fetching import erasing, storing
from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoTotal
from benchmarks.api.measuring import Figures, counted_queries, in_turn
from benchmarks.api.naive import NaiveVideo
from core.found_video import FoundVideo

PAGE: Final = 50  # the videos that a search finds
_KEYWORD: Final = "stored by bin/bench api"
_CLAIM: Final = "bench"

Page = list[FoundVideo]


def measure(rounds: int, only: tuple[str, ...]) -> dict[str, Figures]:
    """Measure storing new videos, known ones, and known ones with more views than before: what `only` names.

    Times are for 1,000 videos, queries for a page. The videos are removed afterwards.
    """
    like = list(Video.objects.exclude(completed_at=None).newest_first()[:PAGE])
    pages: dict[str, Callable[[str, int], Page]] = {
        "store_new": lambda side, number: _page(like, side, number),
        "store_known": lambda side, number: _page(like, side, 0),
        "store_changed": lambda side, number: _page(like, side, 0, number),
    }
    with _claimed_keyword() as entry:
        return {name: _measure(entry, rounds, page) for name, page in pages.items() if name.startswith(only)}


def _measure(entry: KeyWordEntry, rounds: int, page: Callable[[str, int], Page]) -> Figures:
    actions = {
        side: _in_pages(action, entry, partial(page, side), rounds)
        for side, action in {"ours": _store, "floor": _upsert, "naive": _update_or_create}.items()
    }
    with counted_queries() as count:
        actions["ours"]()
    actions["floor"]()
    actions["naive"]()
    milliseconds = in_turn(actions, rounds)
    matched, written = Match.objects.filter(keyword=entry, method="youtube"), NaiveVideo.objects.filter(keyword=entry)
    if not 2 * matched.count() == 2 * entry.first_found.filter(method="youtube").count() == written.count():
        raise RuntimeError("the sides have not stored the same number of videos")
    # Afterwards: each of its transactions leaves a part of the index for full text, which all writers help to merge.
    milliseconds |= in_turn({"loop": _in_pages(_update_or_create_ours, entry, partial(page, "loop"), rounds)}, rounds)
    times = {side: taken * 1000 / PAGE for side, taken in milliseconds.items()}
    return Figures(times["ours"], times["floor"], times["naive"], count(), times["loop"])


def _in_pages(
    action: Callable[[KeyWordEntry, Page], None], entry: KeyWordEntry, page: Callable[[int], Page], rounds: int
) -> Callable[[], None]:
    """Return what stores the next page each time.

    The first page is stored before, so that a known one is known, and nothing runs for the first time.
    """
    action(entry, page(0))
    pages = iter([page(number) for number in range(1, rounds + 2)])
    return lambda: action(entry, next(pages))


def _store(entry: KeyWordEntry, page: Page) -> None:
    storing.store([entry], _CLAIM, page, VideoFetchMethod.YOUTUBE)


def _update_or_create(entry: KeyWordEntry, page: Page) -> None:
    now = timezone.now()
    for found in page:
        values = _row(found, entry) | {"updated_at": now}
        NaiveVideo.objects.update_or_create(
            video_id=found.video_id, defaults=values, create_defaults=values | {"created_at": now}
        )


def _update_or_create_ours(entry: KeyWordEntry, page: Page) -> None:
    now = timezone.now()
    for found in page:
        # Its method tells its rows from those of the other side.
        values = _row(found, entry) | {"updated_at": now, "completed_at": now, "method": VideoFetchMethod.INVIDIOUS}
        video, is_new = Video.objects.update_or_create(
            video_id=found.video_id, defaults=values, create_defaults=values | {"created_at": now}
        )
        details = {"method": video.method, "published_at": video.published_at, "created_at": now}
        Match.objects.get_or_create(keyword=entry, video=video, defaults=details)
        if is_new:
            VideoTotal.objects.update(count=F("count") + 1)


def _upsert(entry: KeyWordEntry, page: Page) -> None:
    now = timezone.now()
    rows = [_row(found, entry) | {"video_id": found.video_id, "created_at": now, "updated_at": now} for found in page]
    columns = list(rows[0])
    adapt = connection.ops.adapt_datetimefield_value
    dates = {"published_at", "views_read_at", "created_at", "updated_at"}
    values = [[adapt(row[name]) if name in dates else row[name] for name in columns] for row in rows]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in ("video_id", "created_at"))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {NaiveVideo._meta.db_table} ({', '.join(columns)})"
            f" VALUES ({', '.join(['%s'] * len(columns))}) ON CONFLICT (video_id) DO UPDATE SET {changes}",
            values,
        )


def _row(found: FoundVideo, entry: KeyWordEntry) -> dict[str, Any]:
    return {
        "title": found.title,
        "description": found.description,
        "published_at": found.published_at,
        "published_exact": found.published_exact,
        "channel_id": found.channel_id,
        "channel_title": found.channel_title,
        "thumbnail": found.thumbnail,
        "duration": found.duration,
        "live_state": found.live_state,
        "starts_at": found.starts_at,
        "view_count": found.view_count,
        "views_read_at": found.published_at,
        "method": "youtube",
        "keyword_id": entry.pk,
    }


def _page(like: list[Video], side: str, number: int, more_views: int = 0) -> Page:
    """Return a page of videos `like` stored ones, with ids of the side and the number of the page."""
    return [
        FoundVideo(
            video_id=sha256(f"{side} {number} {video.pk}".encode()).hexdigest()[:11],
            title=video.title,
            description=video.description,
            published_at=video.published_at,
            published_exact=True,
            channel_id=video.channel_id,
            channel_title=video.channel_title,
            thumbnail=video.thumbnail,
            live_state="none",
            duration=video.duration,
            view_count=(video.view_count or 0) + more_views,
            tags=("birds", "falcons", "birds of prey", "nature", "wildlife", "documentary", "animals", "4k"),
            complete=True,
        )
        for video in like
    ]


@contextmanager
def _claimed_keyword() -> Iterator[KeyWordEntry]:
    """Add a keyword that a fetch has claimed; erase it afterwards, with its videos, as if it had never been."""
    _erase()
    KeyWordEntry.objects.bulk_create(  # no one is to fetch it
        [KeyWordEntry(keyword=_KEYWORD, normalized=keywords.normalize(_KEYWORD), claim_token=_CLAIM)]
    )
    try:
        yield KeyWordEntry.objects.get(keyword=_KEYWORD)
    finally:
        _erase()


def _erase() -> None:
    KeyWordEntry.objects.filter(keyword=_KEYWORD).update(state=KeyWordEntry.State.DELETING)
    for entry in KeyWordEntry.including_deleted.filter(keyword=_KEYWORD):
        NaiveVideo.objects.filter(keyword=entry).delete()
        erasing.erase(entry)
