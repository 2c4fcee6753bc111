"""The plan: how often each keyword is searched, from what was found so far and what the day has left.

Shares are those of a whole day. Until the reset all automatic keywords are searched faster or slower by one tempo,
so that the day's searches last just so long; wishes keep theirs as long as possible.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone

from apps.quota import budget, ledger, pacific
from apps.quota.budget import DAY, Search, Share
from apps.videos.models import KeyWordEntry, SearchGap, VideoLog

# Where only Invidious is asked, no budget says how often: this is often enough by default, and at most polite.
INVIDIOUS_INTERVAL = 15 * 60
INVIDIOUS_LEAST = 60

# However many searches there are: YouTube shows videos minutes late anyway.
LEAST_INTERVAL = 60

# However much of a day is left over: what is searched so much more often than usual finds little.
FASTEST = 4.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Each keyword's share of a whole day, by its id, and how much faster than in it automatic keywords and wishes
    are searched until the reset."""

    shares: Mapping[int, Share]
    tempo: float = 1.0
    tempo_of_wishes: float = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one more keyword costs those of its kind, that have no interval of their own, in a whole day: the mean
    time between two searches, in seconds, with it and without. `before` is None where it would be the first,
    `others` is how many keywords have intervals of their own; `starving` tells that some would get less than one
    search a day."""

    keywords: int
    others: int
    interval: int
    before: int | None
    starving: bool


def plan() -> Plan:
    """Return the plan from now until the reset; five queries."""
    now = timezone.now()
    spendable, first_pages = ledger.scheduled_searches(), 1 - _kept_back(now)
    per_day = spendable.a_day * first_pages
    shares = _share_out(_searches(_entries()), per_day)
    if not shares or not per_day or not spendable.left:
        # When all are spent things stay as they are: so they go on after the reset.
        return Plan(shares)
    wishes = sum(share.searches_a_day for share in shares.values() if share.granted)
    automatic = sum(share.searches_a_day for share in shares.values()) - wishes
    left = pace(spendable.left, now) * first_pages
    # First the automatic ones give way, down to half; what is missing then is missing to all alike.
    enough = left / (wishes + automatic / 2)
    if enough < 1:
        return Plan(shares, tempo=enough / 2, tempo_of_wishes=enough)
    return Plan(shares, tempo=min(FASTEST, (left - wishes) / automatic) if automatic else 1.0)


def pace(searches: int, now: datetime) -> float:
    """Return how many searches a day make the last of `searches` just before the reset."""
    return searches * DAY / (pacific.next_reset(now) - now).total_seconds()


def interval(planned: Plan, entry: KeyWordEntry) -> int:
    """Return the interval of a keyword in seconds: the one it has where it would not move by a real step."""
    share = planned.shares[entry.pk]
    if share.granted and planned.tempo_of_wishes >= 1:
        return round(share.interval)
    seconds = share.interval / (planned.tempo_of_wishes if share.granted else planned.tempo)
    if budget.is_a_step(entry.planned_interval, seconds):
        return max(LEAST_INTERVAL, entry.wish or 0, budget.on_grid(seconds))
    return entry.planned_interval


def cost_of_one_more() -> Cost | None:
    """Return what one more keyword costs; None where nothing can be searched. Five queries."""
    entries, per_day = _entries(), ledger.scheduled_searches().a_day * (1 - _kept_back(timezone.now()))
    searches = _searches(entries)
    own = {entry.pk for entry in entries if entry.interval}
    before = _share_out(searches, per_day)
    after = _share_out([*searches, Search(0, KeyWordEntry.PRIOR_RATE, wish=settings.FETCH_INTERVAL)], per_day)
    if not after:
        return None
    return Cost(
        keywords=len(after) - len(own),
        others=len(own),
        interval=_mean_interval([share for id, share in after.items() if id not in own]),
        before=_mean_interval([share for id, share in before.items() if id not in own])
        if len(before) > len(own)
        else None,
        starving=any(share.starves for share in after.values()),
    )


def further_share(now: datetime) -> float:
    """Return which share of the searches of the last 24 hours were not the first of their fetch, from 0 to 1: further
    pages, gaps. So many are likely to be needed again. One query."""
    day = VideoLog.objects.filter(created_at__gt=now - timedelta(days=1), status=VideoLog.Status.DONE, searches__gt=0)
    spent = day.aggregate(fetches=Count("pk"), searches=Sum("searches"))
    searches = spent["searches"] or 0
    # Few fetches tell little.
    return float(searches - spent["fetches"]) / (searches + 10)


def _kept_back(now: datetime) -> float:
    """Return which share of the searches is not for the first pages of fetches."""
    kept = further_share(now)
    if SearchGap.objects.filter(keyword__in=KeyWordEntry.objects.scheduled(), late=False).exists():
        kept = max(kept, ledger.KEPT_FOR_GAPS)
    return kept


def _entries() -> list[KeyWordEntry]:
    return list(KeyWordEntry.objects.scheduled().only("rate", "weight", "interval"))


def _searches(entries: Iterable[KeyWordEntry]) -> list[Search]:
    return [Search(entry.pk, rate=entry.rate, weight=entry.weight, wish=entry.wish) for entry in entries]


def _share_out(searches: list[Search], per_day: float) -> dict[int, Share]:
    if per_day:
        return budget.share_out(searches, per_day)
    if settings.INVIDIOUS_URL:
        return {search.id: _by_invidious(search.wish) for search in searches}
    return {}


def _by_invidious(wish: int | None) -> Share:
    interval = max(wish or INVIDIOUS_INTERVAL, INVIDIOUS_LEAST)
    return Share(DAY / interval, granted=wish is None or interval == wish)


def _mean_interval(shares: Collection[Share]) -> int:
    return round(DAY * len(shares) / sum(share.searches_a_day for share in shares))
