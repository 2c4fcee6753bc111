"""Store found videos: each video once, each match once, an estimate never over exact data.

Videos are only added and changed here, marked in marks.py, and removed in erasing.py. Each transaction locks
VideoTotal's row first, so that writers take turns: no insert conflicts, no deadlock, and counts that always equal the
number of rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from django.db import connection, transaction
from django.db.models import DateTimeField, F, OuterRef, Subquery
from django.utils import timezone

from apps.videos.fetching.gaps import INDEX_DELAY
from apps.videos.models import KeyWordEntry, Match, NewVideo, Video, VideoFetchMethod, VideoTotal
from core.found_video import FoundVideo

_FROM_SOURCE = [
    "title",
    "description",
    "published_at",
    "published_exact",
    "channel_id",
    "channel_title",
    "thumbnail",
    "duration",
    "live_state",
    "starts_at",
    "view_count",
]

# Video's columns and their defaults, without those that the database computes, and without marks.
_MARKS = {"seen_at", "starred_at", "hidden_at"}
_DEFAULTS = {
    field.attname: field.get_default()
    for field in Video._meta.concrete_fields
    if not field.generated and field.attname not in _MARKS
}
_COLUMNS = list(_DEFAULTS)
_DATES = [name for name in _COLUMNS if isinstance(Video._meta.get_field(name), DateTimeField)]

# SQLite accepts at most 32,766 parameters in a statement.
_BATCH = 500

Row = dict[str, Any]


class ClaimLost(Exception):
    """The keyword was deleted, or another worker took over its claim, during the search."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The number of different videos found, and of matches that are new."""

    found: int
    added: int


def store(entry: KeyWordEntry, token: str, videos: Iterable[FoundVideo], method: VideoFetchMethod) -> Stored:
    """Store what a fetch found for `entry`, in one transaction of a few queries.

    Raises ClaimLost, without storing anything, if the claim `token` is no longer valid.
    """
    found = {video.video_id: video for video in videos}
    # Deleting a keyword ends its claim, so those that are being deleted need not be excluded.
    claimed = KeyWordEntry.including_deleted.filter(pk=entry.pk, claim_token=token)
    with transaction.atomic():
        total = VideoTotal.lock()
        now = timezone.now()  # after the lock: the first to store a video has found it first
        keyword = claimed.select_for_update().first()
        if keyword is None:
            raise ClaimLost
        known, changed = _update(found, now)
        hidden = [row["video_id"] for row in known if row["hidden_at"]]
        # Newest first: the order of documents in SQLite's index for full text, which is added to in one go then.
        known_ids = {row["video_id"] for row in known}
        unknown = [video for video_id, video in found.items() if video_id not in known_ids]
        unknown.sort(key=attrgetter("published_at"), reverse=True)
        new = [_new_row(video, entry, method, now) for video in unknown]
        if new:
            _insert(new)
        if found and keyword.notify_since:
            _enqueue(keyword, found, keyword.notify_since - INDEX_DELAY, now)
        hidden_before = entry.matches.filter(video__in=hidden).count() if hidden else 0
        added = _match(entry, found, method, now) if found else 0
        if changed or new or added:
            total.mark_changed(added=len(new))
        if added:
            added_hidden = len(hidden) - hidden_before
            claimed.update(
                video_count=F("video_count") + added,
                hidden_count=F("hidden_count") + added_hidden,
                last_found_at=now,
            )
    return Stored(found=len(found), added=added)


def update(videos: Iterable[FoundVideo]) -> None:
    """Update stored videos; those that are not stored are ignored."""
    with transaction.atomic():
        total = VideoTotal.lock()
        _, changed = _update({video.video_id: video for video in videos}, timezone.now())
        if changed:
            total.mark_changed()


def record_missing(video_ids: Iterable[str]) -> None:
    """Record that YouTube left these videos out of a response, as it does with deleted and private ones.

    Since a single response can be wrong, only those left out for the second time count as gone and are not requested
    again.
    """
    now = timezone.now()
    missing = Video.objects.filter(pk__in=video_ids)
    with transaction.atomic():
        total = VideoTotal.lock()
        gone = missing.exclude(missing_since=None)
        running = gone.filter(live_state__in=[Video.LiveState.LIVE, Video.LiveState.UPCOMING])
        if running.update(live_state=Video.LiveState.NONE, updated_at=now):
            total.mark_changed()
        gone.update(completed_at=now)
        missing.filter(missing_since=None).update(missing_since=now)


def _update(found: dict[str, FoundVideo], now: datetime) -> tuple[list[Row], bool]:
    """Update those videos that are stored already; return their earlier rows, and whether what lists show changed."""
    stored: list[Any] = list(Video.objects.filter(pk__in=found).select_for_update().order_by("pk").values())
    changed, written, redated = list[Row](), set[str](), []
    for row in stored:
        if updates := _updates(row, found[row["video_id"]]):
            updates["updated_at"] = now
            if "view_count" in updates:
                updates["views_read_at"] = now
            changed.append(row | updates)
            written |= updates.keys()
        if "published_at" in updates:
            redated.append(row["video_id"])
    if changed:
        # Only columns that changed, mostly those of views: SQLite writes each index of a column that is set.
        values = ", ".join(f"{column} = excluded.{column}" for column in sorted(written))
        _insert(changed, f"ON CONFLICT (video_id) DO UPDATE SET {values}")
    if redated:
        own_date = Subquery(Video.objects.filter(pk=OuterRef("video")).values("published_at")[:1])
        Match.objects.filter(video__in=redated).update(published_at=own_date)
    if completed := [row["video_id"] for row in stored if found[row["video_id"]].complete and _is_outdated(row, now)]:
        Video.objects.filter(pk__in=completed).update(completed_at=now, missing_since=None)
    return stored, bool(changed)


def _is_outdated(row: Mapping[str, Any], now: datetime) -> bool:
    """Return whether to write that YouTube has given the full data of `row` now: for most videos once a day, since on
    PostgreSQL it costs as much as a change of all that is indexed."""
    completed_at, running = row["completed_at"], row["live_state"] in (Video.LiveState.LIVE, Video.LiveState.UPCOMING)
    return running or row["missing_since"] or completed_at is None or abs(now - completed_at) >= timedelta(days=1)


def _updates(row: Mapping[str, object], found: FoundVideo) -> Row:
    """Return what `found` knows better than the stored `row`."""
    if row["published_exact"] and not found.published_exact:
        # The row has YouTube's own data, which an estimate must not overwrite.
        return {}
    given = {name: getattr(found, name) for name in _FROM_SOURCE}
    # None means unknown, and so does "", except for the description in complete data.
    updates = {name: value for name, value in given.items() if value not in (None, "")}
    if found.complete:
        updates["description"] = found.description
    if not found.published_exact:
        # The estimate differs with each request; the first one was the most precise.
        del updates["published_at"], updates["published_exact"]
    if row["completed_at"] and not found.complete:
        # search.list cuts descriptions, and says "none" of a stream that has ended; videos.list gave better data.
        updates.pop("description", None)
        if found.live_state == Video.LiveState.NONE:
            updates.pop("live_state")
    return {name: value for name, value in updates.items() if row[name] != value}


def _new_row(found: FoundVideo, entry: KeyWordEntry, method: VideoFetchMethod, now: datetime) -> Row:
    given = {name: getattr(found, name) for name in _FROM_SOURCE}
    return (
        _DEFAULTS
        | given
        | {
            "video_id": found.video_id,
            "keyword_id": entry.pk,
            "method": method,
            "created_at": now,
            "updated_at": now,
            "views_read_at": now if found.view_count is not None else None,
            "completed_at": now if found.complete else None,
        }
    )


def _insert(rows: Sequence[Row], on_conflict: str = "") -> None:
    """Insert rows into Video's table. bulk_create() would take three times as long, preparing each value by itself."""
    placeholders = f"({', '.join(['%s'] * len(_COLUMNS))})"
    adapt, in_order = cache(connection.ops.adapt_datetimefield_value), itemgetter(*_COLUMNS)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            values: list[Any] = []
            for row in batch:
                values += in_order(row | {name: adapt(row[name]) for name in _DATES})
            cursor.execute(
                f"INSERT INTO {Video._meta.db_table} ({', '.join(_COLUMNS)}) "
                f"VALUES {', '.join([placeholders] * len(batch))} {on_conflict}",
                values,
            )


def _enqueue(keyword: KeyWordEntry, video_ids: Iterable[str], since: datetime, now: datetime) -> None:
    """Enqueue those of these stored videos that the keyword's addresses are to be notified of, before _match().

    These are those that it did not find before, that were published at `since` or later, and that are not hidden.
    """
    recent = Video.objects.filter(pk__in=video_ids, published_at__gte=since, hidden_at=None)
    new = recent.exclude(matches__keyword=keyword).order_by("published_at", "pk").values_list("pk", flat=True)
    NewVideo.objects.bulk_create([NewVideo(keyword=keyword, video_id=pk, created_at=now) for pk in new])


def _match(entry: KeyWordEntry, video_ids: Iterable[str], method: VideoFetchMethod, now: datetime) -> int:
    """Insert the matches of these stored videos that are new, and return how many; one statement.

    The database copies the dates and what is hidden, so they are equal whatever was found.
    """
    ids = list(video_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO videos_match (keyword_id, video_id, method, created_at, published_at, hidden) "
            "SELECT %s, video_id, %s, %s, published_at, hidden_at IS NOT NULL FROM videos_video "
            f"WHERE video_id IN ({', '.join(['%s'] * len(ids))}) AND NOT EXISTS "
            "(SELECT 1 FROM videos_match WHERE keyword_id = %s AND videos_match.video_id = videos_video.video_id)",
            [entry.pk, method, connection.ops.adapt_datetimefield_value(now), *ids, entry.pk],
        )
        return int(cursor.rowcount)
