"""The plan: how often each keyword is searched, given what was found so far and what is left of today's searches.

Shares are those of a whole day. Until the reset all automatic keywords are searched faster or slower by the same
factor, so that the day's searches last exactly that long; requested intervals are kept as long as possible.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import caches
from django.db.models import Count, Exists, OuterRef, Sum
from django.utils import timezone

from apps.quota import ledger, pacific
from apps.quota.report import scheduled_searches
from apps.videos.models import KeyWordEntry, SearchGap, VideoLog
from apps.videos.scheduling.allocation import DAY, Search, Share, allocate, is_step, on_grid

# Invidious has no quota to plan with: the default interval in seconds, and the shortest that is polite.
INVIDIOUS_INTERVAL = 15 * 60
INVIDIOUS_MIN_INTERVAL = 60

# The shortest automatic interval in seconds, however many searches there are: YouTube indexes videos minutes late
# anyway.
MIN_INTERVAL = 60

# The largest speedup, however many searches are left: searching even more often finds little.
MAX_SPEEDUP = 4.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Each keyword's share of a whole day, by its id, and the factors by which keywords are searched more often until
    the reset: automatic ones and those with a requested interval. `searches` is what the plan was made from."""

    searches: Mapping[int, Search]
    shares: Mapping[int, Share]
    speedup: float = 1.0
    requested_speedup: float = 1.0

    def covers(self, entry: KeyWordEntry) -> bool:
        """Return whether the plan has a share for the keyword with its current settings."""
        search = self.searches.get(entry.pk)
        chosen = (entry.requested_interval, entry.weight)
        return entry.pk in self.shares and search is not None and (search.requested_interval, search.weight) == chosen


@dataclass(frozen=True, slots=True)
class AddingCost:
    """How adding a keyword, or a `number` of them, slows down the others on the default interval.

    `interval` and `before` are average seconds between two searches of a keyword, with it and without; `before` is
    None if it would be the first. `own` are the seconds between its own searches. `others` is the number of keywords
    with intervals of their own. `below_daily_minimum` says that some would be searched less than once a day.
    """

    own: int
    others: int
    interval: int
    before: int | None
    below_daily_minimum: bool
    number: int = 1


def make_plan() -> Plan:
    """Return the plan from now until the reset; six queries."""
    now = timezone.now()
    searches, for_first_pages = scheduled_searches(), 1 - _reserve_for_further_pages(now)
    per_day = searches.per_day * for_first_pages
    planned = _searches(_rows())
    shares, by_id = _allocate(planned, per_day), {search.id: search for search in planned}
    if not shares or not per_day or not searches.left:
        # If today's searches are used up, intervals stay as they are for the time after the reset.
        return Plan(by_id, shares)
    requested = sum(share.searches_per_day for share in shares.values() if share.granted)
    automatic = sum(share.searches_per_day for share in shares.values()) - requested
    left = rate_until_reset(searches.left, now) * for_first_pages
    # First the automatic keywords are slowed down, to half at most; a further shortage is shared by all.
    enough = left / (requested + automatic / 2)
    if enough < 1:
        return Plan(by_id, shares, speedup=enough / 2, requested_speedup=enough)
    return Plan(by_id, shares, speedup=min(MAX_SPEEDUP, (left - requested) / automatic) if automatic else 1.0)


def rate_until_reset(searches: int, now: datetime) -> float:
    """Return the rate, in searches per day, at which `searches` last until just before the reset."""
    return searches * DAY / (pacific.next_reset(now) - now).total_seconds()


def planned_interval(plan: Plan, entry: KeyWordEntry) -> int:
    """Return the interval of a keyword in seconds: its present one if it would change by less than a grid step."""
    share = plan.shares[entry.pk]
    if share.granted and plan.requested_speedup >= 1:
        return round(share.interval)
    seconds = share.interval / (plan.requested_speedup if share.granted else plan.speedup)
    if is_step(entry.planned_interval, seconds):
        return max(MIN_INTERVAL, entry.requested_interval or 0, on_grid(seconds))
    return entry.planned_interval


def cost_of_adding(
    rate: float = KeyWordEntry.PRIOR_RATE, intervals: Sequence[int | None] = (None,)
) -> AddingCost | None:
    """Return how adding a keyword with `rate` new videos per day slows down the others; None if nothing can be
    searched.

    `intervals` has the requested interval of each keyword to add; None: the default.

    Six queries. It is computed again, which takes ten times as long as reading the keywords, only if they have changed.
    """
    per_day = scheduled_searches().per_day * (1 - _reserve_for_further_pages(timezone.now()))
    rows = _rows()
    key = f"cost-of-adding:{rate}:{per_day}:{hash((tuple(intervals), *rows))}"
    cost: AddingCost | None = caches["memory"].get_or_set(key, lambda: _cost_of_adding(rows, per_day, rate, intervals))
    return cost


def _cost_of_adding(
    rows: Collection[tuple[int, float, int, int | None]], per_day: float, rate: float, intervals: Sequence[int | None]
) -> AddingCost | None:
    searches, own = _searches(rows), {pk for pk, _, _, interval in rows if interval}
    new = _searches((-place, rate, 1, interval) for place, interval in enumerate(intervals))
    before, after = _allocate(searches, per_day), _allocate([*searches, *new], per_day)
    if not after:
        return None
    # Those on the default interval; without any, the new ones.
    left = own | {-place for place, interval in enumerate(intervals) if interval}
    automatic = [share for id, share in after.items() if id not in left] or [after[search.id] for search in new]
    return AddingCost(
        own=round(after[0].interval),
        number=len(new),
        others=len(own),
        interval=_mean_interval(automatic),
        before=_mean_interval([share for id, share in before.items() if id not in own])
        if len(before) > len(own)
        else None,
        below_daily_minimum=any(share.below_daily_minimum for share in after.values()),
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """What other settings of one keyword change: seconds between two searches before, and after.

    `own_before` is None if the keyword is not scheduled, `others_before` and `others_after` if no other is: they are
    the others' averages. `is_stretched`: the searches do not suffice for the requested interval. `below_daily_minimum`
    is the number of keywords that would be searched less than once a day without such a request.
    """

    own_before: int | None
    own_after: int
    others_before: int | None
    others_after: int | None
    is_stretched: bool
    below_daily_minimum: int


def effect_of(entry: KeyWordEntry, interval: int | None, weight: int) -> Effect | None:
    """Return what an interval and a weight of a keyword would change, if it is watched; None if nothing can be
    searched. Six queries; nothing is written."""
    per_day = scheduled_searches().per_day * (1 - _reserve_for_further_pages(timezone.now()))
    rows = _rows()
    others = _searches(row for row in rows if row[0] != entry.pk)
    requested = interval or settings.FETCH_INTERVAL
    before = _allocate(_searches(rows), per_day)
    after = _allocate([*others, Search(entry.pk, entry.rate, weight, requested)], per_day)
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
        is_stretched=requested is not None and not own.granted,
        below_daily_minimum=sum(share.below_daily_minimum for share in after.values()),
    )


def _interval(share: Share) -> int:
    """Return the interval as it is planned: not shorter than MIN_INTERVAL, unless requested."""
    return round(share.interval if share.granted else max(MIN_INTERVAL, share.interval))


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


def _rows() -> list[tuple[int, float, int, int | None]]:
    """Return the id, rate, weight and own interval of each keyword to plan; one query."""
    return list(KeyWordEntry.objects.scheduled().order_by().values_list("pk", "rate", "weight", "interval"))


def _searches(rows: Iterable[tuple[int, float, int, int | None]]) -> list[Search]:
    return [Search(pk, rate, weight, interval or settings.FETCH_INTERVAL) for pk, rate, weight, interval in rows]


def _allocate(searches: list[Search], per_day: float) -> dict[int, Share]:
    if per_day:
        return allocate(searches, per_day)
    if settings.INVIDIOUS_URL:
        return {search.id: _by_invidious(search.requested_interval) for search in searches}
    return {}


def _by_invidious(requested_interval: int | None) -> Share:
    interval = max(requested_interval or INVIDIOUS_INTERVAL, INVIDIOUS_MIN_INTERVAL)
    return Share(DAY / interval, granted=requested_interval is None or interval == requested_interval)


def _mean_interval(shares: Collection[Share]) -> int:
    return round(DAY * len(shares) / sum(share.searches_per_day for share in shares))
