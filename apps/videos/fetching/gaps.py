"""The publication dates that a keyword's searches have not covered: interval arithmetic on plain values.

Source of the figures: how search.list behaves. With `order=date` results are only roughly sorted, and videos appear
in the index late, by 90 minutes at times.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# By how much YouTube may index a video late, and how often such videos are searched for.
INDEX_DELAY = timedelta(minutes=90)
LATE_SEARCH_INTERVAL = timedelta(minutes=90)

# After a pause of months, do not search for months of videos at the cost of all other keywords.
MAX_GAP = timedelta(days=7)

# Results are only roughly in order of date: at the end of a page dates may be misplaced by some minutes, and the
# oldest few do not mark how far back the page reaches.
ROUGHLY = timedelta(minutes=10)
STRAYS = 4


@dataclass(frozen=True, slots=True)
class Gap:
    """Publication dates from `after` to `before` that are still to be searched; `before` is later than `after`.

    A `late` gap has been searched already. It is searched a second time for videos that were indexed late.
    """

    after: datetime
    before: datetime
    late: bool = False

    def is_ripe(self, now: datetime) -> bool:
        """Return whether it is time to search the gap.

        A late one is left to grow for LATE_SEARCH_INTERVAL: searching it with each fetch would cost a busy keyword
        several searches each time.
        """
        return not self.late or now - self.after >= INDEX_DELAY + LATE_SEARCH_INTERVAL

    def shrunk(self, reached: datetime | None) -> "Gap | None":
        """Return what is left after pages that reached back to `reached` (None: no video); None if nothing is.

        It always shrinks, so that many videos within minutes do not keep it open. A late gap that could not be read
        to its end is no longer late: the rest is searched as soon as possible.
        """
        if reached is None:
            return self
        before = min(reached + ROUGHLY, self.before - timedelta(seconds=1))
        return Gap(self.after, before) if before > self.after else None


def reached_back_to(dates: Iterable[datetime], default: datetime) -> datetime:
    """Return the date from which on a full page shows everything, apart from ROUGHLY; `default` without dates."""
    ordered = sorted(dates)
    return ordered[min(STRAYS, len(ordered) - 1)] if ordered else default


def left_by_first_search(created_at: datetime, reached: datetime) -> Gap | None:
    """Return the gap that a keyword's first full page leaves, which has to reach back to when it was added."""
    return Gap(created_at, reached + ROUGHLY) if reached > created_at else None


def left_by_search(searched_through: datetime, reached: datetime, interval: timedelta, now: datetime) -> Gap | None:
    """Return the gap that a full page leaves which reached back to `reached`; None if it reached back far enough.

    If it reached back to the last search, only videos that were indexed late since then can be missing. Those are
    searched for once all of them must be indexed; the rest is left to the next search.
    """
    after = max(searched_through - INDEX_DELAY, now - max(MAX_GAP, 2 * interval))
    late = reached <= searched_through
    before = min(reached + ROUGHLY, now - INDEX_DELAY) if late else reached + ROUGHLY
    return Gap(after, before, late) if before > after else None


def merge(gaps: Iterable[Gap]) -> list[Gap]:
    """Return `gaps`, newest first, with those that touch joined, and late ones also if they are near each other."""
    merged: list[Gap] = []
    for older in sorted(gaps, key=lambda gap: gap.before, reverse=True):
        newer = merged[-1] if merged else None
        tolerance = INDEX_DELAY if newer and newer.late and older.late else timedelta()
        if newer and older.before + tolerance >= newer.after:
            merged[-1] = replace(newer, after=min(newer.after, older.after), late=newer.late and older.late)
        else:
            merged.append(older)
    return merged
