"""How the videos that meet conditions are found: by the index of one condition, or tested in the order of the page.

SQLite does not know how many rows a value selects, and for `method=youtube` would sort a million of them. So the way is
chosen here, by counting up to FEW in the condition's index. PostgreSQL keeps statistics and chooses itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections
from django.db.models import Exists, Func, OuterRef
from django.db.models.functions import Upper

from apps.videos.models import KeyWordEntry, Match, Video, VideoQuerySet

# A channel's id, as YouTube makes them; a channel's title is not taken for one.
CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")

# Up to this many videos are looked up and sorted for a page, and counted. If a condition selects more, the page is
# found sooner by walking the index in whose order it is.
FEW = 10_000

# Each also has an index in the order of publication.
DATED = {"channel_id", "channel_name", "live_state", "method", "published_exact"}

# The values of marks that have one. SQLite uses such an index only where the statement has its very condition.
MARKED = {
    "seen_at": {"isnull": True},
    "starred_at": {"isnull": False},
    "hidden_at": {"isnull": False},
    "keyword": {"isnull": True},
}

# The lookups of each field with their values: {"duration": {"gte": 60, "lte": 600}}.
Conditions = Mapping[str, Mapping[str, Any]]


class Tested(Func):
    """A field whose indexes SQLite does not use: https://sqlite.org/optoverview.html#disqualifying_where_clause_terms"""

    template = "+%(expressions)s"
    arity = 1


def meeting(
    videos: VideoQuerySet,
    conditions: Conditions,
    entries: Sequence[KeyWordEntry],
    by: str,
    *,
    hidden: bool | None = None,
    matched_in: str | None = None,
    searched: bool = False,
) -> VideoQuerySet:
    """Return those of `videos` that meet all conditions and, unless `entries` is empty, were found by one of them.

    A video appears once, also if several found it. `by` is the field in whose order the videos will be. `hidden`:
    whether they are the hidden ones, or the others, or both (None); one that several of `entries` found is hidden if it
    is for all of them. `matched_in`: where one of `entries` stands in it; without them, the keyword that found it
    first. `searched`: whether a search has chosen among `videos` already. On SQLite up to one query for each
    condition, of less than a millisecond.
    """
    videos, matches = _named(videos), Match.objects.filter(keyword__in=entries)
    if entries and hidden is not None:
        if len(entries) > 1 and hidden:
            videos = videos.exclude(Exists(matches.filter(video=OuterRef("pk"), hidden=False)))
        matches = matches.filter(hidden=hidden)
    if matched_in and entries:
        matches = matches.filter(matched_in=matched_in)
    elif matched_in:
        first = Match.objects.filter(video=OuterRef("pk"), keyword=OuterRef("keyword"), matched_in=matched_in)
        videos = videos.filter(Exists(first))
    if hidden is False:
        videos = videos.filter(hidden_at=None)
    elif hidden and not entries:
        conditions = {**conditions, "hidden_at": MARKED["hidden_at"]}
    is_sqlite = connections[videos.db].vendor == "sqlite"
    indexed = {field for field, lookups in conditions.items() if _is_indexed(field, lookups, hidden)}
    fitting = {field for field in indexed if field == by or (by == "published_at" and field in DATED | MARKED.keys())}
    narrow = None
    if is_sqlite and entries and sum(entry.video_count for entry in entries) <= FEW:
        # SQLite gathers what is IN, and tests what EXISTS.
        videos, fitting = videos.filter(pk__in=matches.values("video")), set()
    else:
        if entries:
            videos = videos.filter(Exists(matches.filter(video=OuterRef("pk"))))
        if not is_sqlite:
            return videos.filter(**terms(conditions))
        if len(conditions) > 1 or searched or not fitting:
            narrow = next(
                (name for name in conditions if name in indexed - {by} and _few(name, conditions[name])), None
            )
        if narrow:
            fitting &= {narrow}
        elif searched:
            fitting &= {by}  # a rare word must not be looked for in all videos that share a value
    for field, lookups in conditions.items():
        if field in fitting:
            videos = videos.filter(**terms({field: lookups}))
        elif field == narrow:
            videos = videos.filter(pk__in=_selected(field, lookups).values("pk"))
        else:
            videos = videos.alias(**{f"tested_{field}": Tested(field)}).filter(**terms({f"tested_{field}": lookups}))
    return videos


def _is_indexed(field: str, lookups: Mapping[str, Any], hidden: bool | None) -> bool:
    if field == "seen_at" and hidden is not False:
        return False  # its index is without hidden videos
    return field not in MARKED or MARKED[field] == lookups


def _few(field: str, lookups: Mapping[str, Any]) -> bool:
    return not _selected(field, lookups)[FEW : FEW + 1].exists()


def _selected(field: str, lookups: Mapping[str, Any]) -> VideoQuerySet:
    videos = _named(Video.objects.all()).filter(**terms({field: lookups}))
    return videos.filter(hidden_at=None) if field == "seen_at" else videos


def _named(videos: VideoQuerySet) -> VideoQuerySet:
    return videos.alias(channel_name=Upper("channel_title"))


def terms(conditions: Conditions) -> dict[str, Any]:
    """Return the conditions as arguments of QuerySet.filter()."""
    return {f"{field}__{lookup}": value for field, lookups in conditions.items() for lookup, value in lookups.items()}
