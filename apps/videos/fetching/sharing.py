"""Which keywords take part in a search, and what a search shows about those of its group; see scheduling/groups.py."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.incidents import clocks
from apps.incidents.models import Incident
from apps.videos.fetching import attribution
from apps.videos.fetching.gaps import INDEX_DELAY, MAX_GAP, OVERLAP, Gap
from apps.videos.models import (
    KeyWordEntry,
    KeyWordEntryQuerySet,
    Match,
    SearchEvidence,
    SearchGroup,
    Video,
    VideoLog,
)
from apps.videos.scheduling import groups, pauses
from apps.videos.scheduling.allocation import DAY
from apps.videos.scheduling.groups import Evidence
from core.found_video import FoundVideo

# While one of these is open, keywords are searched on Invidious, which knows no alternatives.
_ON_INVIDIOUS: Final = [
    Incident.Kind.SEARCHES_USED_UP,
    Incident.Kind.KEYS_COOLING_DOWN,
    Incident.Kind.PROJECT_SUSPENDED,
    Incident.Kind.YOUTUBE_UNAVAILABLE,
]

# A plan is made within seconds after keywords were added. If none is made for so long, they are not held up.
PLANNED_WITHIN: Final = timedelta(minutes=5)

# In the quietest hour of a day, about this share of the average number of videos is published.
QUIETEST_HOUR: Final = 0.2
# A search that shows so few videos that it would happen once in a hundred times is suspicious.
UNLIKELY: Final = 0.01


@dataclass(frozen=True, slots=True)
class Claim:
    """What a fetch has claimed: the keywords that are searched for together, that whose turn it is first."""

    token: str
    entries: Sequence[KeyWordEntry]
    leaves_reserve: bool = False  # its search is not one of those that are reserved

    @property
    def is_shared(self) -> bool:
        return len(self.entries) > 1

    def renew(self) -> bool:
        """Renew the claim; return False if it has ended for all keywords. One UPDATE: see claims.py."""
        return bool(self._claimed.update(claimed_at=timezone.now()))

    def release(self) -> None:
        """Release the claim without any change."""
        self._claimed.update(claim_token="", claimed_at=None)

    @property
    def _claimed(self) -> KeyWordEntryQuerySet:
        ids = {entry.pk for entry in self.entries}
        return KeyWordEntry.including_deleted.filter(pk__in=ids, claim_token=self.token)


def claim(entry: KeyWordEntry, trigger: VideoLog.Trigger) -> Claim | None:
    """Claim a keyword for a fetch, and those of its group that can be searched for with it; None if it is not free or
    not due.

    Fetches that are not on schedule are for the keyword alone; first ones as well, unless many keywords are new. Then
    one that was just added waits for the plan, which finds it a group.
    """
    on_schedule = trigger in (VideoLog.Trigger.FIRST, VideoLog.Trigger.SCHEDULE)
    many_are_new = on_schedule and entry.searched_through is None and pauses.many_are_new()
    if many_are_new and entry.planned_interval is None and timezone.now() - entry.created_at < PLANNED_WITHIN:
        return None
    is_shared = trigger == VideoLog.Trigger.SCHEDULE or many_are_new
    if not is_shared or entry.group_id is None or _is_on_invidious():
        token = entry.claim(trigger)
        return Claim(token, [entry], many_are_new) if token else None
    if not entry.claimable(trigger).exists():
        return None  # beat rings for each keyword of a group, and the first has taken all: no need to lock anything
    with transaction.atomic():
        # Locked in the order of their ids, so that of two workers whose keywords are in the same group, the second
        # finds its keyword claimed.
        free = {one.pk: one for one in KeyWordEntry.objects.watched().unclaimed().filter(group=entry.group_id).lock()}
        own = free.get(entry.pk)
        token = own.claim(trigger) if own else None
        if own is None or token is None:
            return None
        joining = _never_searched(free.values()) if many_are_new else _joining(own.group, list(free.values()))
        others = [one for one in joining if one != own] if own in joining else []
        KeyWordEntry.objects.filter(pk__in=[one.pk for one in others]).set_claim(token)
    return Claim(token, [own, *others], many_are_new)


def _joining(group: SearchGroup | None, entries: Sequence[KeyWordEntry]) -> list[KeyWordEntry]:
    """Return those of these keywords of a group that can be searched for together now.

    One whose last search ended long before the group's, or the last one of the others, is first searched for alone:
    the window of a shared search begins where the earliest one ended. So is one that a person wants to be fetched.
    """
    searched = {one.pk: one.searched_through for one in entries if one.searched_through and not one.refused_since}
    last = group.searched_through if group else None
    earliest = (last or max(searched.values(), default=timezone.now())) - OVERLAP
    waiting = VideoLog.objects.filter(
        keyword__in=searched, status=VideoLog.Status.WAITING, trigger=VideoLog.Trigger.MANUAL
    )
    requested = set(waiting.values_list("keyword", flat=True))
    return [one for one in entries if one.pk in searched.keys() - requested and searched[one.pk] >= earliest]


def _never_searched(entries: Iterable[KeyWordEntry]) -> list[KeyWordEntry]:
    return [one for one in entries if one.searched_through is None and not one.refused_since]


def _is_on_invidious() -> bool:
    return bool(settings.INVIDIOUS_URL) and Incident.objects.open().filter(kind__in=_ON_INVIDIOUS).exists()


def attribute(entries: Iterable[KeyWordEntry], videos: Sequence[FoundVideo]) -> dict[int, set[str]]:
    """Return which of `videos`, which a search for all these keywords found, each keyword is about, by their ids.

    Those that YouTube has given the full data of before are compared as they are stored: a search cuts descriptions.
    """
    texts: dict[str, Mapping[str, Any]] = {
        video.video_id: {name: getattr(video, name) for name in attribution.FIELDS} for video in videos
    }
    known = [video.video_id for video in videos if not video.complete]
    completed = Video.objects.filter(pk__in=known, completed_at__isnull=False)
    texts |= {row["pk"]: row for row in completed.values("pk", *attribution.FIELDS)}
    return attribution.about({entry.pk: entry.normalized for entry in entries}, texts)


def halve(entries: Sequence[KeyWordEntry]) -> None:
    """Divide the group of `entries`, whose query YouTube refused, in two; later queries are shorter."""
    now, half = timezone.now(), len(entries) // 2
    query = groups.query_of(entry.keyword for entry in entries)
    with transaction.atomic():
        refused = SearchGroup.objects.filter(keywords=entries[0])
        refused.update(refused_at=now, refused_length=len(query))
        KeyWordEntry.objects.filter(group__in=refused.values("pk")).update(group=None)
        for part in (entries[:half], entries[half:]):
            if len(part) > 1:
                group = SearchGroup.objects.create()
                KeyWordEntry.objects.filter(pk__in=[entry.pk for entry in part]).update(group=group)


def record_search(
    entries: Sequence[KeyWordEntry], videos: Sequence[FoundVideo], since: datetime, now: datetime
) -> None:
    """Record a search for a group, which showed all videos published from `since` on.

    If these are suspiciously few, its keywords are audited as soon as possible.
    """
    SearchGroup.objects.filter(keywords=entries[0]).update(searched_through=now)
    shown = sum(video.published_at >= since for video in videos)
    expected = sum(entry.rate for entry in entries) / DAY * (now - since).total_seconds()
    if _poisson(shown, QUIETEST_HOUR * expected) < UNLIKELY:
        audited = KeyWordEntry.objects.filter(pk__in=[entry.pk for entry in entries], audit_due_at__gt=now)
        audited.update(audit_due_at=now)


def _poisson(number: int, mean: float) -> float:
    """Return the probability of at most `number` events if `mean` are expected."""
    return math.exp(-mean) * sum(mean**k / math.factorial(k) for k in range(number + 1)) if number < 100 else 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """What a search for a keyword alone shows about earlier searches, for its group or for it alone: how many videos
    these should have shown, how many they had shown, and up to which publication date they were counted."""

    of_group: bool
    expected: int
    delivered: int
    through: datetime


def check(entry: KeyWordEntry, videos: Sequence[FoundVideo], gaps: Collection[Gap] | None) -> Check | None:
    """Compare what a search for `entry` alone found with what earlier searches had shown; before it is stored.

    `gaps` are what is still to be searched; None if it did not cover its dates, which shows nothing.

    Only videos count that were published long enough before the last of these searches that YouTube had indexed them,
    and not in gaps that are left or were closed by this search. Each counts once. A few queries.
    """
    if gaps is None:
        return None
    evidence = _evidence(entry)
    last = entry.group.searched_through if entry.group else entry.searched_through
    if last is None:
        return None
    through = last - INDEX_DELAY
    counted = evidence.counted_through
    if clocks.is_future(counted, timezone.now()):
        counted = through  # it was recorded before the clock was set back: count again from now on
    unsearched = [*gaps, *(gap.value for gap in entry.gaps.all())]
    expected = {
        video.video_id
        for video in videos
        if video.published_exact
        and counted < video.published_at <= through
        and not any(gap.after <= video.published_at <= gap.before for gap in unsearched)
    }
    known = Match.objects.filter(keyword=entry, video__in=expected)
    delivered = known.filter(shared=True) if entry.group else known
    number = delivered.count() if expected else 0
    return Check(entry.group is not None, len(expected), number, max(through, counted))


def record_check(entry: KeyWordEntry, check: Check, now: datetime) -> None:
    """Add what a search showed to what is known of the keyword."""
    evidence = _evidence(entry)
    group, alone = evidence.of_group(now), evidence.of_alone(now)
    more = Evidence(check.expected, check.delivered)
    if check.of_group:
        group, evidence.audited_at = group + more, now
    else:
        alone += more
    evidence.expected, evidence.delivered = group.expected, group.delivered
    evidence.expected_alone, evidence.delivered_alone = alone.expected, alone.delivered
    evidence.counted_at, evidence.counted_through = now, check.through
    evidence.save()


def audit_start(entry: KeyWordEntry, now: datetime) -> datetime:
    """Return from which date on an audit searches: from where the last one counted up to."""
    return max(_evidence(entry).counted_through, now - MAX_GAP)


def _evidence(entry: KeyWordEntry) -> SearchEvidence:
    return SearchEvidence.objects.filter(keyword=entry).first() or SearchEvidence(keyword=entry)
