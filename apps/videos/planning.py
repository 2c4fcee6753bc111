"""The plan: how often each keyword is searched, from what the day has left and what was found so far."""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Cost:
    """What one more keyword costs the others: the mean time between two searches of a keyword, in seconds, with it
    and without. `before` is None where it would be the first; `starving` tells that some would get less than one
    search a day."""

    keywords: int
    interval: int
    before: int | None
    starving: bool


def shares() -> dict[int, Share]:
    """Return the share of each scheduled keyword until the reset, by its id; five queries."""
    return _share_out(_searches(), pace(timezone.now()))


def cost_of_one_more() -> Cost | None:
    """Return what one more keyword costs, in a whole day; None where nothing can be searched. Three queries."""
    searches, per_day = _searches(), float(ledger.scheduled_searches().a_day)
    before = _share_out(searches, per_day)
    after = _share_out([*searches, Search(0, KeyWordEntry.PRIOR_RATE, wish=settings.FETCH_INTERVAL)], per_day)
    if not after:
        return None
    return Cost(
        keywords=len(after),
        interval=_mean_interval(after),
        before=_mean_interval(before) if before else None,
        starving=any(share.starves for share in after.values()),
    )


def pace(now: datetime) -> float:
    """Return how many searches a day schedules are to make until the reset, so that the day's last just in time.

    When all are spent, the whole day's pace: that is how it goes on after the reset. 0 where there is no key that
    may be used.
    """
    searches = ledger.scheduled_searches()
    seconds = (pacific.next_reset(now) - now).total_seconds()
    per_day = searches.left * DAY / seconds if searches.left else float(searches.a_day)
    kept = further_share(now)
    if SearchGap.objects.filter(keyword__in=KeyWordEntry.objects.scheduled(), late=False).exists():
        kept = max(kept, ledger.KEPT_FOR_GAPS)
    return per_day * (1 - kept)


def further_share(now: datetime) -> float:
    """Return which share of the searches of the last 24 hours were not the first of their fetch, from 0 to 1: further
    pages, gaps. So many are likely to be needed again. One query."""
    day = VideoLog.objects.filter(created_at__gt=now - timedelta(days=1), status=VideoLog.Status.DONE, searches__gt=0)
    spent = day.aggregate(fetches=Count("pk"), searches=Sum("searches"))
    searches = spent["searches"] or 0
    # Few fetches tell little.
    return float(searches - spent["fetches"]) / (searches + 10)


def interval(share: Share, old: int) -> int:
    """Return the interval of a share in seconds: the `old` one where it would not move by a real step."""
    if share.granted:
        return round(share.interval)
    seconds = budget.on_grid(share.interval) if budget.is_a_step(old, share.interval) else old
    if not share.starves:
        seconds = min(seconds, int(DAY))  # not a step of the grid more than the day that is promised
    return max(LEAST_INTERVAL, seconds)


def _searches() -> list[Search]:
    return [
        Search(entry.pk, rate=entry.rate, weight=entry.weight, wish=entry.wish)
        for entry in KeyWordEntry.objects.scheduled().only("rate", "weight", "interval")
    ]


def _share_out(searches: list[Search], per_day: float) -> dict[int, Share]:
    if per_day:
        return budget.share_out(searches, per_day)
    if settings.INVIDIOUS_URL:
        return {search.id: _by_invidious(search.wish) for search in searches}
    return {}


def _by_invidious(wish: int | None) -> Share:
    interval = max(wish or INVIDIOUS_INTERVAL, INVIDIOUS_LEAST)
    return Share(DAY / interval, granted=wish is None or interval == wish)


def _mean_interval(planned: Mapping[int, Share]) -> int:
    return round(DAY * len(planned) / sum(share.searches_a_day for share in planned.values()))
