"""Store found videos: each video once, each match once, an estimate never over exact data.

A video that a search for a group found, and that is about none of its keywords, is stored without a match. It is hidden
until a keyword finds it.

Videos are only added and changed here, blanked in blanking.py, marked in marks.py, and removed in erasing.py. Each
transaction locks VideoTotal's row first, so that writers take turns: no insert conflicts, no deadlock, and counts that
always equal the number of rows.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import BooleanField, F, Model, OuterRef, Q, Subquery
from django.db.models.expressions import RawSQL
from django.utils import timezone

from apps.videos import hiding
from apps.videos.fetching import attribution, reattributing
from apps.videos.fetching.gaps import INDEX_DELAY
from apps.videos.models import (
    HidingRule,
    KeyWordEntry,
    KeyWordEntryQuerySet,
    Match,
    NewVideo,
    Video,
    VideoFetchMethod,
    VideoTotal,
)
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

# Video's columns and their defaults, without those that the database computes.
_DEFAULTS = {field.attname: field.get_default() for field in Video._meta.concrete_fields if not field.generated}

# What is read of a stored video.
_TIMES = ["views_read_at", "completed_at", "missing_since", "blanked_at", "hidden_at"]
_STORED = ["video_id", *_FROM_SOURCE, "tags", "keyword_id", *_TIMES]

# As Exists(HidingRule.objects.all()), which takes longer to put together than to execute.
_RULES_EXIST = RawSQL("EXISTS (SELECT 1 FROM videos_hidingrule)", [], output_field=BooleanField())

_APART = timedelta(microseconds=1)

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


def store(
    entries: Sequence[KeyWordEntry],
    token: str,
    videos: Iterable[FoundVideo],
    method: VideoFetchMethod,
    about: Mapping[int, Collection[str]] | None = None,
) -> dict[int, Stored]:
    """Store what a fetch found, in one transaction of a few queries; return what that was for each keyword.

    After a search for a group, `about` says which videos each of its keywords is about; those that none is about are
    stored without a match, and hidden. None: the only keyword found them all.

    Keywords whose claim `token` is no longer valid are left out. Raises ClaimLost, without storing anything, if none
    is left.
    """
    found = {video.video_id: video for video in videos}
    # Deleting a keyword ends its claim, so those that are being deleted need not be excluded.
    claimed = KeyWordEntry.including_deleted.filter(pk__in=[entry.pk for entry in entries], claim_token=token)
    with transaction.atomic():
        total = VideoTotal.lock()
        now = timezone.now()  # after the lock: the first to store a video has found it first
        keywords = _locked(claimed)
        if not keywords:
            raise ClaimLost
        finds = {pk: found.keys() if about is None else about[pk] for pk in keywords}
        if about is not None:
            # Without what only a keyword that was deleted meanwhile is about.
            lost = set[str]().union(*about.values()) - set[str]().union(*finds.values())
            found = {video_id: video for video_id, video in found.items() if video_id not in lost}
        known, changed = _update(found, now)
        # Newest first: the order of documents in SQLite's index for full text, which is added to in one go then.
        unknown = [video for video_id, video in found.items() if video_id not in known]
        unknown.sort(key=attrgetter("published_at"), reverse=True)
        first = _first_finders(finds)
        # A microsecond apart, so that the order in which videos were found is theirs, too.
        new = [
            _new_row(video, first.get(video.video_id), method, now - place * _APART)
            for place, video in enumerate(unknown)
        ]
        _insert(Video, new)
        added = _match(keywords, finds, known, new, method, now, is_shared=about is not None)
        _finish(total, keywords, changed, known, added, now)
        if changed or new or any(added.values()):
            total.hidden_count += sum(video["keyword_id"] is None for video in new)
            total.mark_changed(added=len(new))
    return {pk: Stored(found=len(ids), added=len(added[pk])) for pk, ids in finds.items()}


def update(videos: Iterable[FoundVideo]) -> None:
    """Update stored videos; those that are not stored are ignored.

    A video that a search for a group found, and that could not be completed then, is now also stored for those keywords
    that its full data is about.
    """
    found = {video.video_id: video for video in videos}
    with transaction.atomic():
        total = VideoTotal.lock()
        now = timezone.now()
        known, changed = _update(found, now)
        completed = {pk: row for pk, row in known.items() if row["completed_at"] is None and found[pk].complete}
        keywords, finds = dict[int, Row](), dict[int, set[str]]()
        if shared := _found_by_group(completed):
            keywords = _locked(KeyWordEntry.objects.watched().exclude(group=None))
            texts = {pk: row["normalized"] for pk, row in keywords.items()}
            finds = attribution.about(texts, {pk: known[pk] for pk in shared})
        added = _match(keywords, finds, known, [], VideoFetchMethod.YOUTUBE, now, is_shared=True)
        _finish(total, keywords, changed, known, added, now)
        if changed or any(added.values()):
            total.mark_changed()


def _locked(entries: KeyWordEntryQuerySet) -> dict[int, Row]:
    """Return what storing needs of these keywords, which are locked, by their ids."""
    rows = entries.annotate(rules_exist=_RULES_EXIST).select_for_update().order_by("pk")
    columns = ("pk", "normalized", "notify_since", "rules_exist")
    return {row["pk"]: row for row in rows.values(*columns)}


def _first_finders(finds: Mapping[int, Collection[str]]) -> dict[str, int]:
    """Return the keyword that counts as the one that found each video first."""
    return {video_id: pk for pk, video_ids in reversed(list(finds.items())) for video_id in video_ids}


def _found_by_group(video_ids: Collection[str]) -> set[str]:
    """Return those of these stored videos that a search for a group found."""
    if not video_ids:
        return set()
    videos = Video.objects.filter(pk__in=video_ids)
    by_group = videos.filter(Q(keyword=None) | Q(matches__shared=True))
    return set(by_group.values_list("pk", flat=True))


def _match(
    keywords: Mapping[int, Row],
    finds: Mapping[int, Collection[str]],
    known: Mapping[str, Row],
    new: Sequence[Row],
    method: VideoFetchMethod,
    now: datetime,
    *,
    is_shared: bool,
) -> dict[int, list[Row]]:
    """Store which keywords have found which of these videos; return those that each had not found before."""
    matched = _matched(finds, known, is_shared=is_shared) if known and finds else set()
    added = {
        pk: [
            video
            for video in (*known.values(), *new)
            if video["video_id"] in video_ids and (pk, video["video_id"]) not in matched
        ]
        for pk, video_ids in finds.items()
    }
    rows = [
        _new_match(video, keywords[pk], method, now, is_shared=is_shared)
        for pk, videos in added.items()
        for video in videos
    ]
    _insert(Match, rows)
    for pk, videos in added.items():
        if videos:
            KeyWordEntry.including_deleted.filter(pk=pk).update(
                video_count=F("video_count") + len(videos),
                hidden_count=F("hidden_count") + sum(video["hidden_at"] is not None for video in videos),
                last_found_at=now,
            )
    return added


def _finish(
    total: VideoTotal,
    keywords: Mapping[int, Row],
    changed: Iterable[str],
    known: Mapping[str, Row],
    added: Mapping[int, Sequence[Row]],
    now: datetime,
) -> None:
    """Write which keyword found those videos first that no keyword had found; hide and show what changed and what was
    added; and have people notified of it."""
    touched = {*changed, *(video["video_id"] for videos in added.values() for video in videos)}
    first = _first_finders({pk: [video["video_id"] for video in videos] for pk, videos in added.items()})
    assigned: dict[int, list[str]] = defaultdict(list)
    for video_id, keyword in first.items():
        if video_id in known and known[video_id]["keyword_id"] is None:
            assigned[keyword].append(video_id)
    for keyword, video_ids in assigned.items():
        Video.objects.filter(pk__in=video_ids).update(keyword=keyword)
    rules_exist = any(row["rules_exist"] for row in keywords.values()) if keywords else HidingRule.objects.exists()
    if assigned or (touched and rules_exist):
        hiding.settle(total, touched)
    for pk, videos in added.items():
        if videos and (since := keywords[pk]["notify_since"]):
            _enqueue(pk, videos, since - INDEX_DELAY, now)


def _update(found: dict[str, FoundVideo], now: datetime) -> tuple[dict[str, Row], list[str]]:
    """Update those videos that are stored already; return them as they are now, by their ids, and the ids of those of
    which changed what lists show."""
    videos = Video.objects.filter(pk__in=found).select_for_update().order_by("pk")
    stored: list[Any] = list(videos.values(*_STORED))
    changed, written, redated, reworded = list[Row](), set[str](), [], []
    for row in stored:
        if updates := _updates(row, found[row["video_id"]]):
            updates["updated_at"] = now
            if row["blanked_at"]:
                updates["blanked_at"] = None
            if "view_count" in updates:
                updates["views_read_at"] = now
            changed.append(row | updates)
            written |= updates.keys()
        if "published_at" in updates:
            redated.append(row["video_id"])
        if not updates.keys().isdisjoint(attribution.FIELDS):
            reworded.append(row["video_id"])
    _change(changed, written)
    if redated:
        own_date = Subquery(Video.objects.filter(pk=OuterRef("video")).values("published_at")[:1])
        Match.objects.filter(video__in=redated).update(published_at=own_date)
    if reworded:
        reattributing.attribute(Match.objects.filter(video__in=reworded))
    if completed := [row["video_id"] for row in stored if found[row["video_id"]].complete and _is_outdated(row, now)]:
        Video.objects.filter(pk__in=completed).update(completed_at=now, missing_since=None)
    return {row["video_id"]: row for row in (*stored, *changed)}, [row["video_id"] for row in changed]


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
    if row["blanked_at"] and not found.complete:
        # It comes back with its full data, which has an age of its own.
        return {}
    given = {name: getattr(found, name) for name in _FROM_SOURCE}
    # None means unknown, and so does "", except for the description in complete data.
    updates = {name: value for name, value in given.items() if value not in (None, "")}
    if found.complete:
        updates["description"], updates["tags"] = found.description, list(found.tags)
    if not found.published_exact:
        # The estimate differs with each request; the first one was the most precise.
        del updates["published_at"], updates["published_exact"]
    if row["completed_at"] and not found.complete:
        # search.list cuts descriptions, and says "none" of a stream that has ended; videos.list gave better data.
        updates.pop("description", None)
        if found.live_state == Video.LiveState.NONE:
            updates.pop("live_state")
    return {name: value for name, value in updates.items() if row[name] != value}


def _new_row(found: FoundVideo, finder: int | None, method: VideoFetchMethod, now: datetime) -> Row:
    """Return the row of a new video; without a keyword that found it, it is hidden as by rules."""
    given = {name: getattr(found, name) for name in _FROM_SOURCE}
    return (
        _DEFAULTS
        | given
        | {
            "video_id": found.video_id,
            "tags": list(found.tags) if found.complete else None,
            "keyword_id": finder,
            "method": method,
            "created_at": now,
            "updated_at": now,
            "hidden_at": now if finder is None else None,
            "hidden_by_rules": finder is None,
            "views_read_at": now if found.view_count is not None else None,
            "completed_at": now if found.complete else None,
        }
    )


def _matched(finds: Mapping[int, Collection[str]], known: Iterable[str], *, is_shared: bool) -> set[tuple[int, str]]:
    """Return which keywords have found which of these stored videos before; record that a shared search shows them."""
    # Of all keywords: PostgreSQL would read all matches of one that its statistics do not know yet.
    rows = list(Match.objects.filter(video__in=known).values_list("keyword_id", "video_id", "pk", "shared"))
    if is_shared:
        shown = [pk for keyword, video, pk, shared in rows if not shared and video in finds.get(keyword, ())]
        if shown:
            Match.objects.filter(pk__in=shown).update(shared=True)
    return {(keyword, video) for keyword, video, _, _ in rows}


def _new_match(video: Row, keyword: Row, method: VideoFetchMethod, now: datetime, *, is_shared: bool) -> Row:
    return {
        "keyword_id": keyword["pk"],
        "video_id": video["video_id"],
        "method": method,
        "created_at": now,
        "published_at": video["published_at"],
        "hidden": video["hidden_at"] is not None,  # by hand; hiding.settle() knows the rules
        "shared": is_shared,
        "matched_in": attribution.matched_in(keyword["normalized"], video),
    }


def _insert(model: type[Model], rows: Sequence[Row]) -> None:
    """Insert rows. bulk_create() would take three times as long, preparing each value by itself."""
    _execute("INSERT INTO {table} ({columns}) {rows}", model, rows)


def _change(videos: Sequence[Row], columns: Iterable[str]) -> None:
    """Write these columns of stored videos, and no others: SQLite writes each index of a column that is set."""
    values = ", ".join(f"{column} = changed.{column}" for column in sorted(columns))
    _execute(
        f"WITH changed ({{columns}}) AS ({{rows}}) UPDATE {{table}} SET {values} "
        "FROM changed WHERE {table}.video_id = changed.video_id",
        Video,
        [{column: video[column] for column in ("video_id", *columns)} for video in videos],
    )


def _execute(statement: str, model: type[Model], rows: Sequence[Row]) -> None:
    """Execute a statement in which `{rows}` is a query that returns these rows, with `{columns}` of `{table}`."""
    as_query = _as_json if connection.vendor == "postgresql" else _as_values
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        table, columns = model._meta.db_table, ", ".join(batch[0])
        query, parameters = as_query(batch, table)
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=table, columns=columns, rows=query), parameters)


def _as_json(rows: Sequence[Row], table: str) -> tuple[str, list[Any]]:
    """Return PostgreSQL's query, with a single parameter: psycopg writes each into the statement by itself, and a
    thousand took a quarter of the time."""
    columns = ", ".join(rows[0])
    return f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)", [orjson.dumps(rows).decode()]


def _as_values(rows: Sequence[Row], table: str) -> tuple[str, list[Any]]:
    """Return SQLite's query: it reads JSON more slowly than parameters."""
    adapt, in_order = cache(connection.ops.adapt_datetimefield_value), itemgetter(*rows[0])
    adapters: dict[type, Callable[[Any], str | None]] = {
        datetime: adapt,
        list: lambda tags: orjson.dumps(tags).decode(),
    }
    values = [
        adapters[type(value)](value) if type(value) in adapters else value for row in rows for value in in_order(row)
    ]
    placeholders = f"({', '.join(['%s'] * len(rows[0]))})"
    return f"VALUES {', '.join([placeholders] * len(rows))}", values


def _enqueue(keyword: int, videos: Iterable[Row], since: datetime, now: datetime) -> None:
    """Enqueue those of these videos, which the keyword had not found before, that its addresses are to be notified of:
    published at `since` or later, and not hidden."""
    recent = [video["video_id"] for video in videos if video["published_at"] >= since]
    shown = Match.objects.filter(keyword=keyword, video__in=recent, hidden=False).order_by("published_at", "video")
    if video_ids := list(shown.values_list("video", flat=True)) if recent else []:
        NewVideo.objects.enqueue(keyword, video_ids, now)
