"""Divide the day's searches among keywords: pure arithmetic, no database.

The rule. A search that is made `n` times a day, evenly spaced, finds a video half of `1/n` days after it could have
been found, on average. With `r_i` new videos per day and weights `w_i`, the average over all videos is least, for at
most `B` searches per day, where

    sum of w_i * r_i / (2 * n_i)  is least  subject to  sum of n_i <= B,

that is (Lagrange: the derivatives `w_i * r_i / (2 * n_i**2)` are all the same)

    n_i = sqrt(w_i * r_i) / mu,    mu such that the sum is B.

It is the square-root law of queueing theory for assigning the spare capacity of lines (L. Kleinrock, Queueing Systems
II, 1976, ch. 5). Two bounds apply: between two searches no more may be published than one page shows, and each search
is made at least once a day. So, with `b_i = max(r_i / VIDEOS_PER_SEARCH, 1)`,

    n_i = max(b_i, sqrt(w_i * r_i) / mu).

If the bounds together exceed `B`, they become upper bounds:

    n_i = min(b_i, sqrt(w_i * r_i) / mu),

and the further they exceed `B`, the more searches the law alone decides. So the result has no jumps: more videos, more
weight or more searches per day never mean fewer searches. A search made less than once a day is marked as below the
daily minimum.

The unit of the plan is a search, not a keyword: one that serves a group of keywords (groups.py) has their rates
together, and the average weight of their videos. A search for a keyword of a group alone, which only has to find what
the group's searches leave out, has another bound.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

DAY: Final = 86_400

# A page holds 50 videos. The plan assumes fewer, since busy hours have nearly twice the average number.
VIDEOS_PER_SEARCH: Final = 30.0

# Intervals lie on a grid of 5 % steps, so that a small change of the plan changes no schedule and a thousand keywords
# share a few dozen schedules.
GRID: Final = 1.05


@dataclass(frozen=True, slots=True)
class Search:
    """A search to be planned.

    `rate`: the new videos per day that it would find; more than 0. `weight`: how important it is to find them early,
    relative to other searches. `requested_interval`: the interval in seconds that a person chose; None = automatic.
    `bound`: how often it has to be made per day, as above; None: by its rate, and at least once.
    """

    id: int
    rate: float
    weight: float = 1.0
    requested_interval: int | None = None
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """How often a search is made. `granted`: its interval is exactly the requested one, or need not fit a plan."""

    searches_per_day: float
    granted: bool = False

    @property
    def interval(self) -> float:
        """The time between two searches, in seconds; half of it is the average delay of a video."""
        return DAY / self.searches_per_day

    @property
    def below_daily_minimum(self) -> bool:
        """Whether the search runs less than once a day, without such a request."""
        return not self.granted and self.searches_per_day < 1 - 1e-9


def allocate(searches: Collection[Search], searches_per_day: float) -> dict[int, Share]:
    """Return the share of each search, by its id; together never more than `searches_per_day`.

    Requested intervals come first, but leave the automatic searches what their bounds need, up to an even share, and
    half of that in any case. Requests beyond that are stretched, all to the same interval.
    Raises ValueError if `searches_per_day`, a rate or a weight is not positive.
    """
    if searches_per_day <= 0:
        raise ValueError("There are no searches to allocate.")
    if any(search.rate <= 0 or search.weight <= 0 for search in searches):
        raise ValueError("Rates and weights must be more than 0.")
    requested = {
        search.id: DAY / search.requested_interval for search in searches if search.requested_interval is not None
    }
    automatic = [search for search in searches if search.requested_interval is None]

    even = searches_per_day * len(automatic) / max(1, len(searches))
    kept = min(even, max(even / 2, sum(map(_bound, automatic))))
    most = _cap(list(requested.values()), searches_per_day - kept)
    shares = {id: Share(min(per_day, most), granted=per_day <= most) for id, per_day in requested.items()}
    left = searches_per_day - sum(share.searches_per_day for share in shares.values())
    return shares | {id: Share(per_day) for id, per_day in _square_root(automatic, left).items()}


def on_grid(seconds: float) -> int:
    """Return the interval of the grid, in whole seconds, that is nearest to `seconds`.

    Rounded intervals together may need a few more searches than were allocated; the next plan, made with what is
    left, corrects that.
    """
    step = round(math.log(max(seconds, 1.0)) / math.log(GRID))
    return round(GRID**step)


def is_step(old: int, seconds: float) -> bool:
    """Return whether an interval of `seconds` differs from `old` by a step of the grid or more."""
    return abs(math.log(seconds / old)) >= math.log(GRID)


def _bound(search: Search) -> float:
    return max(1.0, search.rate / VIDEOS_PER_SEARCH) if search.bound is None else search.bound


def _cap(requested: Sequence[float], capacity: float) -> float:
    """Return the cap, in searches per day, at which `requested` fits into `capacity`; infinity if no cap is needed."""
    left = capacity
    for position, per_day in enumerate(sorted(requested)):
        even = left / (len(requested) - position)
        if per_day > even:
            return even
        left -= per_day
    return math.inf


def _square_root(searches: Sequence[Search], searches_per_day: float) -> dict[int, float]:
    """Apply the law, with the bounds as lower bounds if they fit together, else as upper bounds."""
    if not searches:
        return {}
    bounds = [_bound(search) for search in searches]
    roots = [math.sqrt(search.weight * search.rate) for search in searches]
    choose = max if sum(bounds) <= searches_per_day else min

    # First as if no bound applied. Each step fixes the searches whose bound does, and divides what is left among the
    # others: the sum of max() is convex in 1 / mu, and that of min() concave, so this is Newton's method, which comes
    # from one side; a search that is fixed stays so.
    free, inverse_of_mu = list(zip(bounds, roots, strict=True)), searches_per_day / sum(roots)
    left = searches_per_day
    while fixed := [bound for bound, root in free if choose(bound, root * inverse_of_mu) == bound]:
        free = [(bound, root) for bound, root in free if choose(bound, root * inverse_of_mu) != bound]
        left -= sum(fixed)
        if not free:
            break
        inverse_of_mu = left / sum(root for _, root in free)
    per_day = (choose(bound, root * inverse_of_mu) for bound, root in zip(bounds, roots, strict=True))
    return {search.id: share for search, share in zip(searches, per_day, strict=True)}
