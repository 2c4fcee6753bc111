"""The publication dates that a keyword's searches have not covered: interval arithmetic on plain values.

How search.list behaves: with `order=date` results are only roughly sorted, and videos appear in the index up to
90 minutes late. The bounds publishedAfter and publishedBefore hold exactly. So:

- A search that is read to its end shows everything between its bounds, in whatever order. Searches of busy keywords
  begin as late as needed (`window_start`, `slice_start`) to be read to their end.
- A search that could not be read to its end may have skipped what is newer than its oldest video by as much as its
  dates are out of order. That is measured from its pages (`roughness`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

# By how much YouTube may index a video late, and how often such videos are searched for. Late gaps are also merged if
# no more than INDEX_DELAY is between them.
INDEX_DELAY = timedelta(minutes=90)
LATE_SEARCH_INTERVAL = timedelta(minutes=90)

# A search starts this far before the last one, since YouTube indexes videos late: 90 minutes were observed, the rest
# is a margin.
OVERLAP = timedelta(hours=3)

# A search of so much of a page's videos is most likely read to its end with one page.
FULL = 0.8

# After a pause of months, do not search for months of videos at the cost of all other keywords.
MAX_GAP = timedelta(days=7)

# A page may contain a few absurd dates, which say nothing about the others: neither the oldest few dates nor the few
# largest misplacements are trusted.
MAX_OUTLIERS = 4


@dataclass(frozen=True, slots=True)
class Gap:
    """Publication dates from `after` to `before` that are still to be searched; `before` is later than `after`.

    A `late` gap has been searched already. It is searched a second time for videos that were indexed late.
    """

    after: datetime
    before: datetime
    late: bool = False

    def is_due(self, now: datetime, per_second: float, page_size: int) -> bool:
        """Return whether it is time to search the gap.

        A late one is left to grow for LATE_SEARCH_INTERVAL, or until the videos published in it fill a page: searching
        it with each fetch would cost a busy keyword several searches each time.
        """
        if not self.late or now - self.after >= INDEX_DELAY + LATE_SEARCH_INTERVAL:
            return True
        return per_second * (self.before - self.after).total_seconds() >= FULL * page_size

    def shrunk(self, before: datetime) -> "Gap | None":
        """Return what is left if everything from `before` on has been read; None if nothing is.

        A late gap that could not be read to its end is no longer late: the rest is searched as soon as possible.
        """
        return Gap(self.after, min(before, self.before)) if before > self.after else None


def roughness(dates: Sequence[datetime]) -> timedelta:
    """Return by how much `dates`, in YouTube's order, are out of order: how much newer a later one is than an earlier.

    A few absurd dates do not count: nothing counts for more than twice what the fifth misplaced date shows. Dates that
    are much too old make all later ones look misplaced, dates that are much too new all earlier ones; so the smaller
    of both views is right.
    """
    newest_of_later = list(accumulate(reversed(dates), max))[::-1]
    oldest_of_earlier = list(accumulate(dates, min))
    too_early = [newest - date for newest, date in zip(newest_of_later, dates, strict=True)]
    too_late = [date - oldest for oldest, date in zip(oldest_of_earlier, dates, strict=True)]
    return min((_robust_maximum(one) for one in (too_early, too_late)), default=timedelta())


def _robust_maximum(misplaced: Sequence[timedelta]) -> timedelta:
    largest_first = sorted(misplaced, reverse=True)
    return min(largest_first[0], 2 * largest_first[min(MAX_OUTLIERS, len(misplaced) - 1)]) if misplaced else timedelta()


def complete_from(dates: Sequence[datetime], default: datetime) -> datetime:
    """Return the date from which these pages show every video, if more pages follow; `default` if there are no dates.

    `dates` are those of the pages, in YouTube's order.
    """
    if not dates:
        return default
    reached = sorted(dates)[min(MAX_OUTLIERS, len(dates) - 1)]
    # A quarter more, since pages are only a sample. One second more, since a page can end within a second.
    return reached + 1.25 * roughness(dates) + timedelta(seconds=1)


def per_second(known: Sequence[datetime], until: datetime) -> float:
    """Return about how many videos are published per second; `known` are the dates of the last ones, newest first."""
    return len(known) / max(1, (until - known[-1]).total_seconds()) if len(known) > MAX_OUTLIERS else 0


def window_start(searched_through: datetime, known: Sequence[datetime], expected: float, page_size: int) -> datetime:
    """Return from which date on to search, so that the search can be read to its end.

    This is OVERLAP before the last search, or less if that would not fit on the page, or on the pages that the
    `expected` new videos need anyway. `known` are the dates of videos found before `searched_through`, newest first.
    If the known videos of INDEX_DELAY fit on one page, the whole OVERLAP is searched, even if its end is not reached.
    """
    if len(known) < page_size or known[page_size - 1] < searched_through - INDEX_DELAY:
        return searched_through - OVERLAP
    likely = expected + math.sqrt(expected) + 1
    pages = math.ceil((likely + MAX_OUTLIERS) / page_size)
    room = int(pages * page_size - likely)
    return known[room - 1] if len(known) >= room else searched_through - OVERLAP


def slice_start(gap: Gap, known: Sequence[datetime], per_second: float, room: int) -> datetime:
    """Return from which date on to search `gap`, so that about `room` videos can be read to their end.

    `known` are the dates of videos found in the gap, newest first. Each search finds more of them, so that the next
    one begins later, until it can be read to its end.
    """
    half = room // 2
    length = (gap.before - gap.after).total_seconds()
    start = gap.before - timedelta(seconds=min(length, 0.7 * room / per_second if per_second else length))
    if len(known) > half:
        start = max(start, known[half])
    return max(gap.after, min(start, gap.before - timedelta(seconds=1)))


def left_by_first_search(created_at: datetime, complete: datetime) -> list[Gap]:
    """Return the gap that a keyword's first full page leaves, which has to reach back to when it was added."""
    return [Gap(created_at, complete)] if complete > created_at else []


def left_by_search(
    searched_through: datetime, start: datetime, complete: datetime, interval: timedelta, now: datetime
) -> list[Gap]:
    """Return the gaps left by a search from `start` on that showed everything from `complete` on.

    If that is not all since the last search, the rest is a gap. Before it, only videos that were indexed late since
    the last search can be missing. Those are a late gap, searched once all of them must be indexed; what may still be
    indexed is left to the next search.
    """
    earliest = max(searched_through - INDEX_DELAY, now - max(MAX_GAP, 2 * interval))
    complete = min(complete, now)
    searched = complete if complete <= searched_through else max(start, earliest)
    gaps = [Gap(searched, complete), Gap(earliest, min(searched, now - INDEX_DELAY), late=True)]
    return [gap for gap in gaps if gap.before > gap.after]


def merge(gaps: Iterable[Gap]) -> list[Gap]:
    """Return `gaps`, newest first: those that touch are joined, and late ones also if they are near each other.

    Where a late one overlaps another, only the other is left. They are not joined: what was searched already is not as
    urgent.
    """
    gaps = list(gaps)
    urgent = _joined([gap for gap in gaps if not gap.late], timedelta())
    late = _joined([gap for gap in gaps if gap.late], INDEX_DELAY)
    for gap in urgent:
        late = [part for one in late for part in _outside(one, gap)]
    return sorted([*urgent, *late], key=lambda gap: gap.before, reverse=True)


def _joined(gaps: Sequence[Gap], tolerance: timedelta) -> list[Gap]:
    joined: list[Gap] = []
    for older in sorted(gaps, key=lambda gap: gap.before, reverse=True):
        if joined and older.before + tolerance >= joined[-1].after:
            joined[-1] = replace(joined[-1], after=min(joined[-1].after, older.after))
        else:
            joined.append(older)
    return joined


def _outside(gap: Gap, other: Gap) -> list[Gap]:
    """Return the parts of `gap` that `other` does not cover."""
    parts = [replace(gap, before=min(gap.before, other.after)), replace(gap, after=max(gap.after, other.before))]
    return [part for part in parts if part.after < part.before]
