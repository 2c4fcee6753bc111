"""The plan: which keywords are searched for together, and how often, given what was found so far and what is left of
today's searches.

Shares are those of a whole day. Until the reset all automatic keywords are searched faster or slower by the same
factor, so that the day's searches last exactly that long; requested intervals are kept as long as possible.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db.models import Count, Exists, Min, OuterRef, Sum
from django.utils import timezone
from django_celery_beat.models import PeriodicTasks

from apps.incidents.models import MAX_SKEW
from apps.quota import ledger, pacific
from apps.quota.report import scheduled_searches
from apps.videos.models import KeyWordEntry, SearchGap, SearchGroup, VideoLog
from apps.videos.scheduling import groups
from apps.videos.scheduling.allocation import DAY, Share, is_step, on_grid
from apps.videos.scheduling.groups import NO_EVIDENCE, Evidence, Keyword
from apps.videos.scheduling.pauses import most_alone
from apps.videos.scheduling.shares import SHORTEST_AUTOMATIC, Allocation, StretchedBy, exceeds, share_out, stretched_by

# Invidious has no quota to plan with: the default interval in seconds, and the shortest that is polite.
INVIDIOUS_INTERVAL = 15 * 60
INVIDIOUS_MIN_INTERVAL = 60

# A keyword that is not known yet, to say what adding one costs.
TYPICAL_KEYWORD = "keyword"

# For how many seconds the cost of adding a keyword is kept: the keywords' rates change with each fetch, but little.
COST_SECONDS = 60

# The largest speedup, however many searches are left: searching even more often finds little.
MAX_SPEEDUP = 4.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The shares of a whole day, and the factors by which keywords are searched more often until the reset: automatic
    ones and those with a requested interval. `keywords` is what the plan was made from."""

    keywords: Mapping[int, Keyword]
    allocation: Allocation
    speedup: float = 1.0
    requested_speedup: float = 1.0

    def covers(self, entry: KeyWordEntry) -> bool:
        """Return whether the plan has a share for the keyword with its current settings."""
        keyword, chosen = self.keywords.get(entry.pk), (entry.requested_interval, entry.weight)
        is_planned = entry.pk in self.allocation.shares
        return is_planned and keyword is not None and (keyword.requested_interval, keyword.weight) == chosen

    def interval(self, entry: KeyWordEntry) -> int:
        """Return the interval of a keyword in seconds: its present one if it would change by less than a grid step."""
        share = self.allocation.shares[entry.pk]
        if share.granted and self.requested_speedup >= 1:
            return round(share.interval)
        seconds = share.interval / (self.requested_speedup if share.granted else self.speedup)
        if entry.planned_interval is None or is_step(entry.planned_interval, seconds):
            # With a group it may be searched for more often than was requested.
            requested = 0 if entry.pk in self.allocation.group_of else entry.requested_interval or 0
            return max(SHORTEST_AUTOMATIC, requested, on_grid(seconds))
        return entry.planned_interval

    def audit_interval(self, entry: KeyWordEntry) -> int | None:
        """Return how often, in seconds, a keyword of a group is searched for alone; None if it is in none."""
        per_day = self.allocation.alone.get(entry.pk)
        if not per_day:
            return None
        seconds, present = DAY / (per_day * self.speedup), entry.audit_interval
        return present if present and not is_step(present, seconds) else max(SHORTEST_AUTOMATIC, on_grid(seconds))


@dataclass(frozen=True, slots=True)
class AddingCost:
    """How adding a keyword, or a `number` of them, slows down the others on the default interval.

    `interval` and `before` are average seconds between two searches of a keyword, with it and without; `before` is
    None if it would be the first. `own` are the seconds between its own searches. `others` is the number of keywords
    with intervals of their own. `below_daily_minimum` says that some would be searched less than once a day.
    `first_searches` are those of the first fetches, and `searches_left` those that are left today.
    """

    own: int
    others: int
    interval: int
    before: int | None
    below_daily_minimum: bool
    number: int = 1
    first_searches: int = 1
    searches_left: int = 0


def make_plan(*, regroup: bool = True) -> Plan:
    """Return the plan from now until the reset; seven queries. Without `regroup`, groups stay as they are."""
    now = timezone.now()
    searches, for_first_pages = scheduled_searches(), 1 - _reserve_for_further_pages(now)
    keywords = _keywords(now)
    per_day = searches.per_day * for_first_pages
    allocation = _allocate(keywords, per_day, _most_characters(), regroup=regroup)
    by_id = {keyword.id: keyword for keyword in keywords}
    if not allocation.shares or not searches.per_day or not searches.left:
        # If today's searches are used up, intervals stay as they are for the time after the reset.
        return Plan(by_id, allocation)
    requested, automatic = allocation.requested, allocation.automatic
    left = rate_until_reset(searches.left, now) * for_first_pages
    # First the automatic keywords are slowed down, to half at most; a further shortage is shared by all.
    enough = left / (requested + automatic / 2)
    if enough < 1:
        return Plan(by_id, allocation, speedup=enough / 2, requested_speedup=enough)
    return Plan(by_id, allocation, speedup=min(MAX_SPEEDUP, (left - requested) / automatic) if automatic else 1.0)


def rate_until_reset(searches: int, now: datetime) -> float:
    """Return the rate, in searches per day, at which `searches` last until just before the reset."""
    return searches * DAY / (pacific.next_reset(now) - now).total_seconds()


def cost_of_adding(
    rate: float = KeyWordEntry.PRIOR_RATE, intervals: Sequence[int | None] = (None,)
) -> AddingCost | None:
    """Return how adding a keyword with `rate` new videos per day slows down the others; None if nothing can be
    searched.

    `intervals` has the requested interval of each keyword to add; None: the default.

    It takes long if there are thousands of keywords, so it is kept until a plan is requested (beat.request_plan), for
    COST_SECONDS at most. One query then, or else eight.
    """
    requested_at = changed.timestamp() if (changed := PeriodicTasks.last_change()) else None
    key = f"cost-of-adding:{requested_at}:{rate}:{hash(tuple(intervals))}"
    cost: AddingCost | None = caches["memory"].get_or_set(key, lambda: _cost_of_adding(rate, intervals), COST_SECONDS)
    return cost


def _cost_of_adding(rate: float, intervals: Sequence[int | None]) -> AddingCost | None:
    now = timezone.now()
    searches = scheduled_searches()
    per_day = searches.per_day * (1 - _reserve_for_further_pages(now))
    keywords, most_characters = _keywords(now), _most_characters()
    own = {one.id for one in keywords if one.has_own_interval}
    new = [
        Keyword(-place, TYPICAL_KEYWORD, rate, requested_interval=interval or settings.FETCH_INTERVAL)
        for place, interval in enumerate(intervals)
    ]
    before = _allocate(keywords, per_day, most_characters).shares
    allocation = _allocate([*keywords, *new], per_day, most_characters)
    after = allocation.shares
    if not after:
        return None
    # Those on the default interval; without any, the new ones.
    left = own | {-place for place, interval in enumerate(intervals) if interval}
    automatic = [share for id, share in after.items() if id not in left] or [after[one.id] for one in new]
    return AddingCost(
        own=round(after[0].interval),
        number=len(new),
        others=len(own),
        interval=_mean_interval(automatic),
        before=_mean_interval([share for id, share in before.items() if id not in own])
        if len(before) > len(own)
        else None,
        below_daily_minimum=any(share.below_daily_minimum for share in after.values()),
        first_searches=_first_searches(new, allocation, searches.unused),
        searches_left=searches.left,
    )


def _first_searches(new: Sequence[Keyword], allocation: Allocation, unused: int) -> int:
    """Return how many of the `unused` searches the first fetches of new keywords will make: see pauses.many_are_new."""
    sizes = Counter(allocation.group_of.get(keyword.id, f"alone {keyword.id}") for keyword in new)
    made, left = 0, len(new)
    for size in sizes.values():
        if left <= most_alone(unused - made):
            return made + left
        made, left = made + 1, left - size
    return made


@dataclass(frozen=True, slots=True)
class Effect:
    """What other settings of one keyword change: seconds between two searches before, and after.

    `own_before` is None if the keyword is not scheduled, `others_before` and `others_after` if no other is: they are
    the others' averages. `stretched_by` says why it would not get the requested interval, `exceeds_request` that
    its group is searched more often than that. `below_daily_minimum` is the
    number of keywords that would be searched less than once a day without such a request.
    """

    own_before: int | None
    own_after: int
    others_before: int | None
    others_after: int | None
    stretched_by: StretchedBy | None
    exceeds_request: bool
    below_daily_minimum: int


def effect_of(entry: KeyWordEntry, interval: int | None, weight: int) -> Effect | None:
    """Return what an interval and a weight of a keyword would change, if it is watched; None if nothing can be
    searched. Seven queries; nothing is written."""
    now = timezone.now()
    per_day = scheduled_searches().per_day * (1 - _reserve_for_further_pages(now))
    keywords = {one.id: one for one in _keywords(now)}
    others = [one for one in keywords.values() if one.id != entry.pk]
    present = keywords.get(entry.pk) or Keyword(entry.pk, entry.keyword, entry.rate)
    requested = interval or settings.FETCH_INTERVAL
    changed = replace(present, weight=weight, requested_interval=requested)
    most_characters = _most_characters()
    before = _allocate(list(keywords.values()), per_day, most_characters).shares
    after = _allocate([*others, changed], per_day, most_characters).shares
    if not after:
        return None
    own = after[entry.pk]
    others_before = [share for id, share in before.items() if id != entry.pk]
    others_after = [share for id, share in after.items() if id != entry.pk]
    return Effect(
        own_before=_interval(before[entry.pk]) if entry.pk in before else None,
        own_after=_interval(own),
        others_before=_mean_interval(others_before) if others else None,
        others_after=_mean_interval(others_after) if others else None,
        stretched_by=stretched_by(requested, _interval(own)),
        exceeds_request=exceeds(requested, _interval(own)),
        below_daily_minimum=sum(share.below_daily_minimum for share in after.values()),
    )


def _interval(share: Share) -> int:
    """Return the interval as it is planned: not shorter than SHORTEST_AUTOMATIC, unless requested."""
    return round(share.interval if share.granted else max(SHORTEST_AUTOMATIC, share.interval))


def further_share(now: datetime) -> float:
    """Return the share, from 0 to 1, of the last 24 hours' searches that were not the first of their fetch.

    These were for further pages and gaps, and about as many are likely to be needed again. One query.
    """
    day = VideoLog.objects.filter(created_at__gt=now - timedelta(days=1), status=VideoLog.Status.DONE, searches__gt=0)
    used = day.aggregate(fetches=Count("pk"), searches=Sum("searches"))
    searches = used["searches"] or 0
    # The constant keeps a few fetches from having much influence.
    return float(searches - used["fetches"]) / (searches + 10)


def _reserve_for_further_pages(now: datetime) -> float:
    share = further_share(now)
    # Not IN: SQLite would gather all keywords first.
    of_scheduled = Exists(KeyWordEntry.objects.scheduled().filter(pk=OuterRef("keyword")))
    if SearchGap.objects.filter(of_scheduled, late=False).exists():
        share = max(share, ledger.GAP_RESERVE)
    return share


def _keywords(now: datetime) -> list[Keyword]:
    """Return the keywords to plan, with what is known at `now` about searches for them; one query."""
    columns = ["pk", "keyword", "rate", "weight", "interval", "group", "refused_since"]
    evidence = ["counted_at", "expected", "delivered", "expected_alone", "delivered_alone"]
    rows = KeyWordEntry.objects.scheduled().order_by("pk").values(*columns, *(f"evidence__{name}" for name in evidence))
    return [_keyword(row, now) for row in rows]


def _keyword(row: Mapping[str, Any], now: datetime) -> Keyword:
    of_group = of_alone = NO_EVIDENCE
    if counted_at := row["evidence__counted_at"]:
        of_group = Evidence(row["evidence__expected"], row["evidence__delivered"]).aged(now - counted_at)
        of_alone = Evidence(row["evidence__expected_alone"], row["evidence__delivered_alone"]).aged(now - counted_at)
    return Keyword(
        id=row["pk"],
        query=row["keyword"],
        rate=row["rate"],
        weight=row["weight"],
        requested_interval=row["interval"] or settings.FETCH_INTERVAL,
        has_own_interval=row["interval"] is not None,
        evidence=of_group,
        evidence_alone=of_alone,
        group=row["group"],
        is_refused=row["refused_since"] is not None,
    )


def _allocate(
    keywords: Collection[Keyword], per_day: float, most_characters: int, *, regroup: bool = True
) -> Allocation:
    if per_day:
        return share_out(keywords, per_day, most_characters, is_shared=settings.SHARE_SEARCHES, regroup=regroup)
    if settings.INVIDIOUS_URL:
        return Allocation({one.id: _by_invidious(one.requested_interval) for one in keywords})
    return Allocation({})


def _most_characters() -> int:
    """Return how long the query of a group may be: half as long as one that YouTube has refused recently; one query."""
    now = timezone.now()
    recently = SearchGroup.objects.filter(refused_at__range=(now - groups.HALF_LIFE, now + MAX_SKEW))
    refused = recently.aggregate(length=Min("refused_length"))["length"]
    return min(groups.MOST_CHARACTERS, refused // 2) if refused else groups.MOST_CHARACTERS


def _by_invidious(requested_interval: int | None) -> Share:
    interval = max(requested_interval or INVIDIOUS_INTERVAL, INVIDIOUS_MIN_INTERVAL)
    return Share(DAY / interval, granted=requested_interval is None or interval == requested_interval)


def _mean_interval(shares: Collection[Share]) -> int:
    return round(DAY * len(shares) / sum(share.searches_per_day for share in shares))
