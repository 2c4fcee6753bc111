"""When a keyword is unusually silent: pure arithmetic, no database.

Videos are published independently of each other, at a rate that depends on the hour of the day: a Poisson process. The
probability that none is published in a time in which `n` are expected is `exp(-n)`. Real keywords have quiet weekends
and busy events besides, so a silence must also be longer than any before.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

# A silence is unusual if it is less probable than this. At twelve videos a day, of which each may begin one, chance
# alone makes that once in two years.
UNLIKELY: Final = 1e-4

# How much must be known before: each weekday twice.
SHORTEST_HISTORY: Final = timedelta(days=14)
LONGEST_HISTORY: Final = timedelta(days=28)

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Silence:
    """`since` is when the last video was published; `per_day` the usual number before that."""

    since: datetime
    per_day: float


def unusual_silence(published: Sequence[datetime], start: datetime, end: datetime) -> Silence | None:
    """Return the silence from the last of the dates until `end`; None if there is none, or it is not unusual.

    `published` has all dates of publication from `start` until `end`, in ascending order.
    """
    if not published or (history := published[-1] - start) < SHORTEST_HISTORY:
        return None
    since, days = published[-1], history / DAY
    if expected_number(published, days, since, end) < -math.log(UNLIKELY):
        return None
    if end - since <= max(later - earlier for earlier, later in pairwise([start, *published])):
        return None
    return Silence(since, len(published) / days)


def expected_number(published: Sequence[datetime], days: float, since: datetime, end: datetime) -> float:
    """Return how many videos are expected from `since` until `end` if, in so many days, these were published."""
    of_hour = Counter(date.hour for date in published)
    expected, begin = 0.0, since
    while begin < end:
        following = min(end, begin.replace(minute=0, second=0, microsecond=0) + HOUR)
        expected += of_hour[begin.hour] / days * ((following - begin) / HOUR)
        begin = following
    return expected
