"""Where a keyword stands in a video that it found: YouTube's search also finds videos without it."""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from apps.videos import phrases
from apps.videos.models import KeyWordEntry, Match, Video, VideoTotal
from core.found_video import FoundVideo

# Where a keyword is looked for, in this order.
FIELDS: Final = {"title": Match.In.TITLE, "description": Match.In.DESCRIPTION, "channel_title": Match.In.CHANNEL}

# Matches of one transaction, and seconds between two, as in hiding.py.
CHUNK: Final = 500
INTERVAL: Final = 0.11


def matched_in(keyword: str, video: Mapping[str, Any]) -> str:
    """Return in which text of `video` all words of the keyword stand, in any order: the first of title, description
    and channel; SEVERAL if they stand in different ones, NOWHERE if one is missing.

    `video` has `title`, `description` and `channel_title`.
    """
    words = phrases.words(keyword)
    missing_everywhere = set(words)
    if not words:
        return Match.In.NOWHERE
    for field, place in FIELDS.items():
        folded = phrases.fold(video[field])
        absent = {word for word, pattern in words.items() if word not in folded or not pattern.search(folded)}
        if not absent:
            return place
        missing_everywhere = missing_everywhere & absent
    return Match.In.NOWHERE if missing_everywhere else Match.In.SEVERAL


def of_group(entries: Iterable[KeyWordEntry], videos: Sequence[FoundVideo]) -> dict[int, set[str]]:
    """Return which of `videos`, which a search for all these keywords found, each keyword is about, by their ids.

    Those that YouTube has given the full data of before are compared as they are stored: a search cuts descriptions.
    """
    texts: dict[str, Mapping[str, Any]] = {
        video.video_id: {name: getattr(video, name) for name in FIELDS} for video in videos
    }
    known = [video.video_id for video in videos if not video.complete]
    completed = Video.objects.filter(pk__in=known, completed_at__isnull=False)
    texts |= {row["pk"]: row for row in completed.values("pk", *FIELDS)}
    return about({entry.pk: entry.normalized for entry in entries}, texts)


def about(keywords: Mapping[int, str], videos: Mapping[str, Mapping[str, Any]]) -> dict[int, set[str]]:
    """Return the ids of those videos that each keyword is about."""
    found: dict[int, set[str]] = {pk: set() for pk in keywords}
    for video_id, video in videos.items():
        for pk, keyword in keywords.items():
            if matched_in(keyword, video) != Match.In.NOWHERE:
                found[pk].add(video_id)
    return found


def attribute(matches: QuerySet[Match]) -> int:
    """Write where the keyword of each of these matches stands in its video, where that changed; return how many did.

    Run it in a transaction that locks VideoTotal.
    """
    texts = [f"video__{field}" for field in FIELDS]
    changed: dict[str, list[int]] = defaultdict(list)
    for pk, place, keyword, *values in matches.values_list("pk", "matched_in", "keyword__normalized", *texts):
        now = matched_in(keyword, dict(zip(FIELDS, values, strict=True)))
        if now != place:
            changed[now].append(pk)
    for place, ids in changed.items():
        Match.objects.filter(pk__in=ids).update(matched_in=place)
    return sum(map(len, changed.values()))


def attribute_stored(deadline: float = math.inf) -> None:
    """Find out where keywords stand in the matches of which that is unknown, in short transactions.

    It stops after `deadline` (of time.monotonic()); the next call continues.
    """
    while ids := list(Match.objects.filter(matched_in=None).values_list("pk", flat=True)[:CHUNK]):
        if time.monotonic() > deadline:
            return
        with transaction.atomic():
            total = VideoTotal.lock()
            if attribute(Match.objects.filter(pk__in=ids)):
                total.mark_changed()
        time.sleep(INTERVAL)
