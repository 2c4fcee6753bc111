"""The strategies to use the searches of each day."""

import heapq
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import cycle
from typing import Final

from apps.quota import pacific
from apps.videos.models import VideoLog
from apps.videos.scheduling.allocation import VIDEOS_PER_SEARCH
from benchmarks.beat import Beat
from benchmarks.quota.day import Days, usable_searches

DAY: Final = timedelta(days=1)
GOLDEN: Final = (math.sqrt(5) - 1) / 2

# Here nothing is deleted, hidden or notified, so the others would find nothing to do.
CHORES: Final = {f"apps.videos.tasks.{name}" for name in ("catch_up", "complete_videos", "sync_schedules")}


def burst(days: Days) -> None:
    """Search every ten seconds, keywords in turn, until the day's quota is gone."""
    moment, keywords = days.setting.start, cycle(days.keywords)
    while moment < days.setting.end:
        days.move_to(moment)
        log = days.fetch(next(keywords))
        used_up = log is None or log.status != VideoLog.Status.DONE
        # By YouTube's clock it may still be the day before for some minutes.
        moment = pacific.next_reset(moment) + 2 * timedelta(minutes=5) if used_up else moment + timedelta(seconds=10)


def even(days: Days) -> None:
    """Search for every keyword at the same interval."""
    usable = usable_searches()
    _search_evenly(days, [usable / len(days.keywords)] * len(days.keywords), usable)


def windhover(days: Days) -> None:
    """Run beat, and do what it and the chores send."""
    beat = Beat(CHORES)
    while (moment := beat.next_due()) < days.setting.end:
        days.move_to(moment)
        days.time.messages += beat.due()
        days.time.carry_out()


# The same without shared searches: see comparison.py.
single = windhover


def optimum(days: Days) -> None:
    """Search for each keyword alone at the optimal interval, given the true rates."""
    usable = usable_searches()
    _search_evenly(days, best_searches(list(days.setting.rates.values()), usable), usable)


def _search_evenly(days: Days, searches: Sequence[float], usable: int) -> None:
    """Search for each keyword so many times per day, at even intervals.

    Phases are multiples of the golden ratio, which are spread evenly. If searches need further pages, which are
    searches too, those of the next day are made at longer intervals, so that each day's last until its end.
    """
    turns: list[tuple[datetime, int]] = []
    for position, per_day in enumerate(searches):
        heapq.heappush(turns, (days.setting.start + DAY * ((position * GOLDEN) % 1) / per_day, position))
    day, fetches, stretched, before = pacific.day_of(days.setting.start), 0, 1.0, days.setting.start
    while turns[0][0] < days.setting.end:
        moment, position = heapq.heappop(turns)
        if pacific.day_of(moment) != day:
            further_pages = max(0, days.searches(before) - fetches)
            day, fetches, stretched = pacific.day_of(moment), 0, usable / max(1, usable - further_pages)
        days.move_to(moment)
        days.fetch(days.keywords[position])
        before, fetches = moment, fetches + 1
        heapq.heappush(turns, (moment + DAY * stretched / searches[position], position))


def best_searches(rates: Sequence[float], usable: int) -> list[float]:
    """Return the searches per day of each keyword for which the mean delay is least, `usable` in total.

    With n searches per day for a keyword of r videos per day, a video waits 1/2n of a day on average, so the sum of
    r/2n is to be least: n is proportional to the square root of r (Lagrange), and higher only if a page would not hold
    what is published between two searches.
    """
    low, high = 0.0, usable / math.sqrt(max(rates))
    for _ in range(60):
        factor = (low + high) / 2
        searches = [max(rate / VIDEOS_PER_SEARCH, factor * math.sqrt(rate)) for rate in rates]
        low, high = (factor, high) if sum(searches) < usable else (low, factor)
    return searches
