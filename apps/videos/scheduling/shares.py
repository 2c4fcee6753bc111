"""Divide a day's searches among keywords, some of which are searched for together: pure arithmetic, no database.

Here groups (groups.py) become searches (allocation.py), and what these get becomes the shares of keywords again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from apps.videos.scheduling import groups
from apps.videos.scheduling.allocation import GRID, VIDEOS_PER_SEARCH, Search, Share, allocate
from apps.videos.scheduling.groups import MOST_CHARACTERS, Group, Keyword

# The shortest automatic interval in seconds, however many searches there are: YouTube indexes videos minutes late
# anyway.
SHORTEST_AUTOMATIC = 60

# Why an interval is longer than was requested, or than the default.
StretchedBy = Literal["minimum", "daily_limit"]


@dataclass(frozen=True)
class Allocation:
    """Each keyword's share of a whole day, by its id, which is that of its group if it is in one.

    `alone` says how many times a day the keywords of groups are searched for alone besides. `requested` are the
    searches per day with requested intervals that are granted, `automatic` all others.
    """

    shares: Mapping[int, Share]
    groups: Sequence[Group] = ()
    alone: Mapping[int, float] = field(default_factory=dict)
    requested: float = 0.0
    automatic: float = 0.0

    @cached_property
    def group_of(self) -> dict[int, int]:
        """The place in `groups` of the group of each keyword that is in one."""
        return {keyword.id: place for place, group in enumerate(self.groups) for keyword in group.keywords}


def share_out(
    keywords: Collection[Keyword],
    per_day: float,
    most_characters: int = MOST_CHARACTERS,
    *,
    is_shared: bool = True,
    regroup: bool = True,
) -> Allocation:
    """Return the shares of so many searches per day; without `regroup`, groups stay as they are.

    A keyword with a requested interval joins automatic ones whose group is searched for at least as often. Others with
    such intervals are grouped with each other.
    """
    if not is_shared:
        return _divide(keywords, per_day, ())
    # Who joins whom changes how often they are searched for, so those for whom that is not often enough leave again.
    joined = {one.id for one in keywords if one.requested_interval is not None}
    while True:
        as_automatic = [replace(one, requested_interval=None) if one.id in joined else one for one in keywords]
        arranged = groups.arrange(as_automatic, most_characters, regroup=regroup)
        allocation = _divide(keywords, per_day, arranged)
        misplaced = joined & _misplaced(keywords, allocation)
        if not misplaced:
            return allocation
        joined -= misplaced


def stretched_by(requested: int | None, planned: int | None) -> StretchedBy | None:
    """Return why a planned interval is longer than the requested one; None if it is not, but for rounding.

    What is not granted is planned like an automatic interval, never shorter than SHORTEST_AUTOMATIC. So an interval of
    about that length is no sign of a shortage.
    """
    if requested is None or planned is None or planned < requested * GRID:
        return None
    return "minimum" if planned < SHORTEST_AUTOMATIC * GRID else "daily_limit"


def exceeds(requested: int | None, planned: int | None) -> bool:
    """Return whether a planned interval is shorter than the requested one, but for rounding: with a group, which shares
    each search, a keyword may be searched more often."""
    return requested is not None and planned is not None and planned * GRID < requested


def _misplaced(keywords: Collection[Keyword], allocation: Allocation) -> set[int]:
    """Return the keywords with requested intervals whose group is not searched for that often, or has no automatic
    keyword."""
    requested = {one.id: one.requested_interval for one in keywords if one.requested_interval is not None}
    misplaced = set[int]()
    for group in allocation.groups:
        ids = {one.id for one in group.keywords}
        interval = max(SHORTEST_AUTOMATIC, allocation.shares[group.keywords[0].id].interval)
        has_automatic = bool(ids - requested.keys())
        misplaced |= {id for id in ids & requested.keys() if not has_automatic or interval > requested[id]}
    return misplaced


def _divide(keywords: Collection[Keyword], per_day: float, arranged: Sequence[Group]) -> Allocation:
    """Return the shares if these groups are searched for, and all other keywords alone."""
    if not keywords:
        return Allocation({})
    alone = groups.audits(arranged, per_day)
    grouped = {keyword.id for group in arranged for keyword in group.keywords}
    by_id = {keyword.id: keyword for keyword in keywords}
    extra = {id: (share, group) for group in arranged for id, share in group.extra.items()}
    # What each search is for: a keyword, a group (by its place), or a keyword of a group besides.
    searches: dict[tuple[str, int], Search] = {}
    for id, one in by_id.items():
        if id not in grouped:
            searches["keyword", id] = Search(len(searches), one.rate, one.weight, one.requested_interval)
    for place, group in enumerate(arranged):
        searches["group", place] = Search(len(searches), group.rate, group.weight, group.requested_interval)
    for id, (share, group) in extra.items():
        one = by_id[id]
        bound = one.rate / VIDEOS_PER_SEARCH if group.is_leaking else 0.0
        searches["extra", id] = Search(len(searches), one.rate, one.weight * share, bound=bound)

    audited = min(sum(alone.values()), per_day / 2)
    alone = {id: share * audited / sum(alone.values()) for id, share in alone.items()}
    allocated = allocate(searches.values(), per_day - audited)
    share_of = {what: allocated[search.id] for what, search in searches.items()}
    shares = {id: share_of["keyword", id] for id in by_id if id not in grouped}
    for place, group in enumerate(arranged):
        shares |= {one.id: share_of["group", place] for one in group.keywords}
    for id in extra:
        alone[id] += share_of["extra", id].searches_per_day
    requested = sum(share.searches_per_day for share in allocated.values() if share.granted)
    total = sum(share.searches_per_day for share in allocated.values()) + audited
    return Allocation(shares, arranged, alone, requested, total - requested)
