"""Share out the day's searches among keywords: pure arithmetic, no database."""

import math
from collections.abc import Mapping
from typing import Final

DAY: Final = 86_400.0

# Intervals lie on a grid of 5 % steps, so that a small change of plan changes no schedule and a thousand keywords
# share a few dozen schedules.
GRID: Final = 1.05


def share_out(wishes: Mapping[int, int | None], searches_a_day: float) -> dict[int, int]:
    """Return an interval in seconds for each keyword.

    `wishes` maps a keyword's id to the interval that a person set, in seconds, or to None = as often as can be.
    Each keyword has a right to an even share of `searches_a_day`; who wished for less keeps the wish, and the rest
    is shared evenly among the others (max-min fairness). So nobody's short interval starves another keyword: it is
    stretched to the share. Together the intervals never ask for more than `searches_a_day`.
    Raises ValueError if there is nothing to share.
    """
    if searches_a_day <= 0:
        raise ValueError("There are no searches to share out.")
    intervals: dict[int, int] = {}
    left = searches_a_day
    # The longest wish asks for least, so it is granted first, and what it leaves goes to the others.
    queue = sorted(wishes, key=lambda keyword: (-(wishes[keyword] or 0), keyword))
    for position, keyword in enumerate(queue):
        wish, share = wishes[keyword], DAY * (len(queue) - position) / left
        if wish is None or wish < share:
            # Nobody after this one wishes for less than an even share of what is left.
            return intervals | dict.fromkeys(queue[position:], on_grid(share))
        intervals[keyword] = wish
        left -= DAY / wish
    return intervals


def on_grid(seconds: float) -> int:
    """Return the shortest interval of the grid that is not shorter than `seconds`."""
    step = math.ceil(math.log(max(seconds, 1.0)) / math.log(GRID) - 1e-9)
    return max(math.ceil(seconds), round(GRID**step))
