"""Share out the day's searches: pure arithmetic, no database.

The law. Made `n` times a day, evenly spaced, a search finds what it finds half of `1/n` days after it could have,
on the mean. With `r_i` new videos a day and weights `w_i`, the mean over all videos is least, for at most `B`
searches a day, where

    sum of w_i * r_i / (2 * n_i)  is least  subject to  sum of n_i <= B,

that is (Lagrange: the derivatives `w_i * r_i / (2 * n_i**2)` are all the same)

    n_i = sqrt(w_i * r_i) / mu,    mu such that the sum is B.

It is the square-root law of the theory of queues, where it shares out the spare capacity of lines (L. Kleinrock,
Queueing Systems II, 1976, ch. 5). Two bounds keep it honest: between two searches no more may be published than one
page shows, and every search is made once a day. So, with `b_i = max(r_i / PAGE, 1)`,

    n_i = max(b_i, sqrt(w_i * r_i) / mu).

Where even the bounds together ask for more than `B`, they are cut in the proportions of the law:

    n_i = min(b_i, sqrt(w_i * r_i) / mu),

and the more they ask for beyond `B`, the more of them the law alone decides. So nothing jumps: more videos, more weight
or a larger budget never mean fewer searches. Who is searched less than once a day then starves, and its share says so.

What is planned is searches, not keywords: today a search serves one keyword.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

DAY: Final = 86_400.0

# A page holds 50 videos. Planned is with fewer, since the busy hours bring nearly twice the mean.
PAGE: Final = 30.0

# Intervals lie on a grid of 5 % steps, so that a small change of plan changes no schedule and a thousand keywords
# share a few dozen schedules.
GRID: Final = 1.05


@dataclass(frozen=True, slots=True)
class Search:
    """A search to be planned.

    `rate`: new videos a day that it would find; more than 0. `weight`: how much finding them early matters, against
    other searches. `wish`: the interval in seconds that a person chose; None = as often as is best.
    """

    id: int
    rate: float
    weight: float = 1.0
    wish: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What a search gets: how often it is made, in searches a day. `granted`: just as often as a person wished."""

    searches_a_day: float
    granted: bool = False

    @property
    def interval(self) -> float:
        """The time between two searches, in seconds; half of it is the mean wait for a video."""
        return DAY / self.searches_a_day

    @property
    def starves(self) -> bool:
        """Tell whether it is searched less than once a day, though nobody wished that."""
        return not self.granted and self.searches_a_day < 1 - 1e-9


def share_out(searches: Collection[Search], searches_a_day: float) -> dict[int, Share]:
    """Return the share of each search, by its id; together never more than `searches_a_day`.

    Wishes come first, but leave the automatic searches what their bounds ask for, up to an even share, and half of
    that in any case. Wishes beyond that are stretched, all to the same interval.
    Raises ValueError if there is nothing to share, or a search has no rate.
    """
    if searches_a_day <= 0:
        raise ValueError("There are no searches to share out.")
    if any(search.rate <= 0 or search.weight <= 0 for search in searches):
        raise ValueError("Rates and weights are more than 0.")
    wishes = {search.id: DAY / search.wish for search in searches if search.wish is not None}
    automatic = [search for search in searches if search.wish is None]

    even = searches_a_day * len(automatic) / max(1, len(searches))
    kept = min(even, max(even / 2, sum(map(_bound, automatic))))
    level = _level(list(wishes.values()), searches_a_day - kept)
    shares = {id: Share(min(wish, level), granted=wish <= level) for id, wish in wishes.items()}
    left = searches_a_day - sum(share.searches_a_day for share in shares.values())
    return shares | {id: Share(often) for id, often in _square_root(automatic, left).items()}


def on_grid(seconds: float) -> int:
    """Return the interval of the grid, in whole seconds, that is nearest to `seconds`.

    So the sum of many may ask for a little more than was shared out; who plans anew with what is left makes up for
    that.
    """
    step = round(math.log(max(seconds, 1.0)) / math.log(GRID))
    return round(GRID**step)


def is_a_step(old: int, seconds: float) -> bool:
    """Tell whether an interval of `seconds` is a step of the grid or more away from the `old` one."""
    return abs(math.log(seconds / old)) >= math.log(GRID)


def _bound(search: Search) -> float:
    return max(1.0, search.rate / PAGE)


def _level(wishes: Sequence[float], capacity: float) -> float:
    """Return the level to which wishes must be cut to fit into `capacity` together: infinite if they do anyway."""
    left = capacity
    for position, wish in enumerate(sorted(wishes)):
        even = left / (len(wishes) - position)
        if wish > even:
            return even
        left -= wish
    return math.inf


def _square_root(searches: Sequence[Search], searches_a_day: float) -> dict[int, float]:
    """Share out by the law: with the bounds as the least where they fit together, else as the most."""
    if not searches:
        return {}
    bounds = [_bound(search) for search in searches]
    roots = [math.sqrt(search.weight * search.rate) for search in searches]
    choose = max if sum(bounds) <= searches_a_day else min

    def shared(inverse_of_mu: float) -> list[float]:
        return [choose(bound, root * inverse_of_mu) for bound, root in zip(bounds, roots, strict=True)]

    # By bisection: the sum grows with 1 / mu. The low end is taken, whose sum never goes beyond.
    low, high = 0.0, max(searches_a_day / sum(roots), max(b / r for b, r in zip(bounds, roots, strict=True)))
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(shared(middle)) <= searches_a_day else (low, middle)
    return {search.id: often for search, often in zip(searches, shared(low), strict=True)}
