"""What is hidden: videos that were hidden by hand, and what rules hide.

A match is hidden if its video was hidden by hand, or if a rule hides it: one of its keyword, or one of all keywords. A
video is hidden if it was by hand, or if rules hide each of its matches. settle() decides both from the rules and writes
them, with the numbers that are kept. All code that changes videos, matches, marks or rules calls it, so any order of
changes has the same result.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from apps.videos import keywords, phrases
from apps.videos.conditions import CHANNEL_ID, FEW, meeting
from apps.videos.cursors import Order
from apps.videos.models import (
    MOST_RULES,
    HidingRule,
    KeyWordEntry,
    Match,
    Video,
    VideoQuerySet,
    VideoTotal,
    rules_changed,
)
from core.found_video import MAX_DURATION

# Videos of one transaction, so that other writers do not wait long, and seconds between two: SQLite does not queue
# writers, so with a shorter pause some would never get the lock.
CHUNK: Final = 500
INTERVAL: Final = 0.11
# SQLite accepts at most 32,766 parameters in a statement.
_PARAMETERS: Final = 10_000
# Ids that are read at once.
_POSITIONS: Final = 20_000

_RUNNING: Final = (Video.LiveState.LIVE, Video.LiveState.UPCOMING)
_TEXTS: Final = ("title", "description", "channel_title")
_NEWEST_FIRST: Final = Order("published_at", descending=True)

Row = Mapping[str, Any]


def hides(rule: HidingRule, video: Row, folded: Sequence[str] = ()) -> bool:
    """Return whether a rule hides a video; `folded` are its texts, as phrases.fold() returns them.

    Live and upcoming videos are never too short.
    """
    if rule.kind == HidingRule.Kind.CHANNEL:
        return bool(video["channel_id"] == rule.value)
    if rule.kind == HidingRule.Kind.WORD:
        pattern = phrases.phrase(rule.value)
        return any(pattern.search(text) for text in folded)
    duration = video["duration"]
    return duration is not None and duration < int(rule.value) and video["live_state"] not in _RUNNING


def settle(
    total: VideoTotal,
    video_ids: Iterable[str],
    *,
    by_hand: Mapping[str, bool] | None = None,
) -> bool:
    """Write what is hidden of these videos and their matches; return whether that changed anything.

    `by_hand` has the videos that a person hides or shows now. `total` must be locked; the caller marks it as changed.
    """
    active = list(HidingRule.objects.active())
    texts = _TEXTS if any(rule.kind == HidingRule.Kind.WORD for rule in active) else ()
    columns = ("channel_id", "duration", "live_state", "hidden_at", "hidden_by_rules", "blanked_at", *texts)
    videos = {row["pk"]: row for row in Video.objects.filter(pk__in=list(video_ids)).values("pk", *columns)}
    matches: dict[str, list[Row]] = defaultdict(list)
    stored = Match.objects.filter(video__in=videos).values("pk", "keyword_id", "video_id", "hidden", "hidden_by_id")
    for match in stored:
        matches[match["video_id"]].append(match)

    of_matches: dict[tuple[bool, int | None], list[int]] = defaultdict(list)
    of_videos: dict[tuple[bool, bool], list[str]] = defaultdict(list)
    hidden_more: dict[int, int] = defaultdict(int)
    for pk, video in videos.items():
        was_by_hand = video["hidden_at"] is not None and not video["hidden_by_rules"]
        is_by_hand = (by_hand or {}).get(pk, was_by_hand)
        folded = [phrases.fold(video[name]) for name in texts]
        hiding = {rule.pk for rule in active if hides(rule, video, folded)}
        all_ruled = True  # also without a match: a search for a group found it, and it is about none of its keywords
        for found in matches[pk]:
            # What hid a video before its data was erased still does.
            before = found["hidden_by_id"] if video["blanked_at"] else None
            own = [
                rule.pk
                for rule in active
                if (rule.pk in hiding or rule.pk == before) and rule.keyword_id in (None, found["keyword_id"])
            ]
            rule = found["hidden_by_id"] if found["hidden_by_id"] in own else next(iter(own), None)
            all_ruled &= rule is not None
            wanted = (is_by_hand or rule is not None, rule)
            if wanted != (found["hidden"], found["hidden_by_id"]):
                of_matches[wanted].append(found["pk"])
                hidden_more[found["keyword_id"]] += wanted[0] - found["hidden"]
        wanted_video = (is_by_hand or all_ruled, all_ruled and not is_by_hand)
        if wanted_video != (video["hidden_at"] is not None, video["hidden_by_rules"]):
            of_videos[wanted_video].append(pk)

    _write_matches(of_matches, {pk: number for pk, number in hidden_more.items() if number})
    _write_videos(total, of_videos)
    return bool(of_matches or of_videos)


def _write_matches(of_matches: Mapping[tuple[bool, int | None], list[int]], hidden_more: Mapping[int, int]) -> None:
    for (hidden, rule), ids in of_matches.items():
        for start in range(0, len(ids), _PARAMETERS):
            Match.objects.filter(pk__in=ids[start : start + _PARAMETERS]).update(hidden=hidden, hidden_by=rule)
    if hidden_more:
        KeyWordEntry.including_deleted.filter(pk__in=hidden_more).lock()
        more = Case(*(When(pk=pk, then=Value(number)) for pk, number in hidden_more.items()), default=Value(0))
        KeyWordEntry.including_deleted.filter(pk__in=hidden_more).update(hidden_count=F("hidden_count") + more)


def _write_videos(total: VideoTotal, of_videos: Mapping[tuple[bool, bool], list[str]]) -> None:
    more = 0
    for (hidden, by_rules), ids in of_videos.items():
        videos = Video.objects.filter(pk__in=ids)
        if hidden:
            # What a person hides that rules hid before, or the other way round, gets a new time.
            more += videos.filter(hidden_at=None).count()
            videos.update(hidden_at=timezone.now(), hidden_by_rules=by_rules)
        else:
            more -= videos.update(hidden_at=None, hidden_by_rules=False)
    if more:
        total.hidden_count += more
        VideoTotal.objects.filter(pk=total.pk).update(hidden_count=F("hidden_count") + more)


def check(kind: str, value: str) -> str:
    """Return the value of a rule as it is stored; raise ValidationError if it is none of this kind."""
    if kind == HidingRule.Kind.CHANNEL:
        if not CHANNEL_ID.fullmatch(value):
            raise ValidationError("Must be the id of a channel: UC and 22 letters, digits, - or _.")
        return value
    if kind == HidingRule.Kind.MIN_DURATION:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= MAX_DURATION):
            raise ValidationError(f"Must be a number of seconds from 1 to {MAX_DURATION}.")
        return str(int(value))
    words = keywords.check(value).replace('"', " ")
    if not phrases.has_words(words):
        raise ValidationError("Must have a letter or a digit.")
    return " ".join(words.split())


def add(kind: str, value: str, keyword: KeyWordEntry | None = None) -> tuple[HidingRule, bool]:
    """Add a rule, of one keyword or of all, and return it and whether it is new; a task applies it to what is stored.

    Raises ValidationError.
    """
    value = check(kind, value)
    with transaction.atomic():
        VideoTotal.lock()  # what is stored from now on knows the rule
        rules = list(HidingRule.objects.active().filter(kind=kind, keyword=keyword))
        for rule in rules:
            if rule.value == value or (kind == HidingRule.Kind.WORD and _same_words(rule.value, value)):
                return rule, False
        if HidingRule.objects.active().count() >= MOST_RULES:
            raise ValidationError(f"There are {MOST_RULES} rules already. Delete some first.")
        rule = HidingRule.objects.create(
            keyword=keyword, kind=kind, value=value, label=label_of(kind, value), created_at=timezone.now()
        )
        rules_changed.send(HidingRule)
    return rule, True


def _same_words(one: str, other: str) -> bool:
    return phrases.phrase(one).pattern == phrases.phrase(other).pattern


def label_of(kind: str, value: str) -> str:
    """Return the title of a rule's channel; empty for other kinds, or if none of its videos is stored."""
    if kind != HidingRule.Kind.CHANNEL:
        return ""
    newest = Video.objects.filter(channel_id=value).newest_first()
    return newest.values_list("channel_title", flat=True).first() or ""


def delete(rules: QuerySet[HidingRule]) -> int:
    """Delete rules and return how many: from now on they hide nothing, and a task shows what only they hid."""
    with transaction.atomic():
        VideoTotal.lock()
        number = rules.filter(deleted_at=None).update(deleted_at=timezone.now())
        rules_changed.send(HidingRule)
    return number


def affected(kind: str, value: str, keyword: KeyWordEntry | None = None) -> tuple[int, bool]:
    """Return how many stored videos a rule would hide that are not hidden, counted up to FEW, and whether
    that is exact. Raises ValidationError."""
    rows = _candidates(kind, check(kind, value), keyword, hidden=False)
    counted = rows.order_by()[:FEW].count()
    return counted, counted < FEW


def _candidates(kind: str, value: str, keyword: KeyWordEntry | None, hidden: bool | None) -> VideoQuerySet:
    """Return the stored videos that a rule hides, newest first: hidden ones, the others, or both (None)."""
    videos, conditions = Video.objects.all(), dict[str, dict[str, Any]]()
    if kind == HidingRule.Kind.CHANNEL:
        conditions = {"channel_id": {"exact": value}}
    elif kind == HidingRule.Kind.WORD:
        videos = videos.search(f'"{value}"')
    else:
        videos, conditions = videos.exclude(live_state__in=_RUNNING), {"duration": {"lt": int(value)}}
    searched = kind == HidingRule.Kind.WORD
    entries = [keyword] if keyword else []
    return meeting(videos, conditions, entries, "published_at", hidden=hidden, searched=searched).newest_first()


def apply_pending(deadline: float = math.inf) -> None:
    """Apply new rules to what is stored, and show again what only deleted ones hid, in short transactions.

    It stops after `deadline` (of time.monotonic()); the next call continues, even after a crash.
    """
    for rule in HidingRule.objects.filter(Q(applied_at=None) | ~Q(deleted_at=None)).select_related("keyword"):
        work = _undo if rule.deleted_at else _apply
        if not work(rule, deadline):
            return


def _apply(rule: HidingRule, deadline: float) -> bool:
    """Hide what a rule hides; return False if time ran out."""
    rows, rest = _candidates(rule.kind, rule.value, rule.keyword, hidden=None), None
    if rule.applied_through_date:
        rest = rows.filter(_NEWEST_FIRST.after(rule.applied_through_date, rule.applied_through_video))
    own = HidingRule.objects.filter(pk=rule.pk)
    while positions := list((rows if rest is None else rest).values_list("published_at", "video_id")[:_POSITIONS]):
        for start in range(0, len(positions), CHUNK):
            portion = positions[start : start + CHUNK]
            if time.monotonic() > deadline:
                return False
            if not own.active().exists():
                return True  # deleted meanwhile
            changed = _settle_chunk([video_id for _, video_id in portion])
            own.update(applied_through_date=portion[-1][0], applied_through_video=portion[-1][1])
            if changed:
                time.sleep(INTERVAL)
        rest = rows.filter(_NEWEST_FIRST.after(*positions[-1]))
    own.update(applied_at=timezone.now(), applied_through_date=None, applied_through_video="")
    return True


def _undo(rule: HidingRule, deadline: float) -> bool:
    """Show again what only this rule hid, then remove it; return False if time ran out."""
    while video_ids := list(rule.matches.values_list("video", flat=True)[:CHUNK]):
        if time.monotonic() > deadline:
            return False
        _settle_chunk(video_ids)
        time.sleep(INTERVAL)
    HidingRule.objects.filter(pk=rule.pk).delete()
    return True


def _settle_chunk(video_ids: list[str]) -> bool:
    with transaction.atomic():
        total = VideoTotal.lock()
        changed = settle(total, video_ids)
        if changed:
            total.mark_changed()
    return changed
