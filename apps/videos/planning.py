"""The plan: how often each keyword is searched, from what the day has left and what was found so far."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from apps.quota import budget, ledger, pacific
from apps.quota.budget import DAY, Search, Share
from apps.videos.models import KeyWordEntry, SearchGap

# Where only Invidious is asked, no budget says how often: this is often enough by default, and at most polite.
INVIDIOUS_INTERVAL = 15 * 60
INVIDIOUS_LEAST = 60

# However many searches there are: YouTube shows videos minutes late anyway.
LEAST_INTERVAL = 60


def shares(more: int = 0) -> dict[int, Share]:
    """Return the share of each scheduled keyword, by its id; five queries.

    `more` plans for so many further keywords of which nothing is known yet, under negative ids.
    """
    searches = [
        Search(entry.pk, rate=entry.rate, weight=entry.weight, wish=entry.wish)
        for entry in KeyWordEntry.objects.scheduled().only("rate", "weight", "interval")
    ]
    searches += [
        Search(-number, KeyWordEntry.PRIOR_RATE, wish=settings.FETCH_INTERVAL) for number in range(1, more + 1)
    ]
    if not searches:
        return {}
    if per_day := pace(timezone.now()):
        return budget.share_out(searches, per_day)
    return {search.id: _by_invidious(search.wish) for search in searches}


def pace(now: datetime) -> float:
    """Return how many searches a day schedules are to make until the reset, so that the day's last just in time.

    When all are spent, the whole day's pace: that is how it goes on after the reset. 0 where there is no key that
    may be used.
    """
    searches = ledger.scheduled_searches()
    seconds = (pacific.next_reset(now) - now).total_seconds()
    per_day = searches.left * DAY / seconds if searches.left else float(searches.a_day)
    if SearchGap.objects.filter(keyword__in=KeyWordEntry.objects.scheduled()).exists():
        per_day *= 1 - ledger.KEPT_FOR_GAPS
    return per_day


def interval(share: Share, old: int) -> int:
    """Return the interval of a share in seconds: the `old` one where it would not move by a real step."""
    if share.granted:
        return round(share.interval)
    seconds = budget.on_grid(share.interval) if budget.is_a_step(old, share.interval) else old
    if not share.starves:
        seconds = min(seconds, int(DAY))  # not a step of the grid more than the day that is promised
    return max(LEAST_INTERVAL, seconds)


def _by_invidious(wish: int | None) -> Share:
    interval = max(wish or INVIDIOUS_INTERVAL, INVIDIOUS_LEAST)
    return Share(DAY / interval, granted=wish is None or interval == wish)
