"""Four strategies to use a day's searches."""

import math
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle
from typing import Final

from apps.videos.models import VideoLog
from apps.videos.scheduling.allocation import VIDEOS_PER_SEARCH
from benchmarks.quota.beat import Beat
from benchmarks.quota.day import Day, usable_searches
from benchmarks.quota.setting import BEGIN, END

DAY: Final = timedelta(days=1)
GOLDEN: Final = (math.sqrt(5) - 1) / 2

# The share of the day before that a timetable covers: a whole day after the first fetches would need too much quota.
LEAD: Final = 0.7


def burst(day: Day) -> None:
    """Search every ten seconds, keywords in turn, until the quota is gone."""
    for number, keyword in enumerate(cycle(day.keywords)):
        day.move_to(BEGIN + timedelta(seconds=10) * number)
        log = day.fetch(keyword)
        if log is None or log.status != VideoLog.Status.DONE:
            return


def even(day: Day) -> None:
    """Search for every keyword at the same interval."""
    usable = usable_searches()
    _search_evenly(day, [usable / len(day.keywords)] * len(day.keywords), usable)


def windhover(day: Day) -> None:
    """Run beat, and do what it and the chores send."""
    beat = Beat()
    while (moment := beat.next_due()) < END:
        day.move_to(moment)
        day.messages += beat.due()
        day.carry_out()


def optimum(day: Day) -> None:
    """Search for each keyword at the optimal interval, given the true rates."""
    usable = usable_searches()
    _search_evenly(day, best_searches(list(day.setting.rates.values()), usable), usable)


def _search_evenly(day: Day, searches: Sequence[float], usable: int) -> None:
    """Search for each keyword so many times per day, at even intervals; `usable` times in total on the measured day.

    If a search needs further pages, which are searches too, the rest of the timetable is stretched: the last searches
    move beyond midnight, instead of leaving the evening without searches.
    """
    planned = timetable(searches, usable)
    eve, planned = [entry for entry in planned if entry[0] < 0], [entry for entry in planned if entry[0] >= 0]
    for share, position in eve:
        day.move_to(BEGIN + DAY * share)
        day.fetch(day.keywords[position])
    day.move_to(BEGIN)
    before = elapsed = 0.0
    for number, (share, position) in enumerate(planned):
        further_pages = day.searches() - number
        affordable = usable - further_pages
        if number >= affordable:
            return
        end = planned[affordable][0] if affordable < len(planned) else 1.0
        elapsed += (share - before) * (1 - elapsed) / (end - before)
        before = share
        day.move_to(BEGIN + DAY * elapsed)
        day.fetch(day.keywords[position])


def timetable(searches: Sequence[float], usable: int) -> list[tuple[float, int]]:
    """Return when to search for which keyword (by its position): in shares of the day, below 0 on the day before.

    Phases are multiples of the golden ratio, which are spread evenly. The phase decides whether a keyword with 4.5
    searches per day has 4 or 5 on this day, so all phases are shifted together until the day has `usable`.
    """
    turns = [turn / 100 for turn in range(100)]
    counts = {turn: sum(math.ceil(n - _phase(i, turn)) for i, n in enumerate(searches)) for turn in turns}
    best = min(turns, key=lambda turn: abs(counts[turn] - usable))
    shares = [
        ((_phase(position, best) + number) / n, position)
        for position, n in enumerate(searches)
        for number in range(-math.ceil(n), math.ceil(n))
    ]
    return sorted((share, position) for share, position in shares if -LEAD < share < 1)


def _phase(position: int, turn: float) -> float:
    return (turn + position * GOLDEN) % 1


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
