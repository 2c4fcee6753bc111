"""Whether days went as they should: each function prints what it looks at, and yields what is wrong."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.days.life import Day, Line

# What YouTube's terms allow.
MOST_DAYS_OLD: Final = 30

# What docs/scaling.md says of the database, and by which share it may differ.
BYTES_PER_VIDEO: Final = 3000
BYTES_PER_LOG: Final = 700
MOST_DIFFERENCE: Final = 0.15

# Memory that is larger by this factor than after the first day has grown.
MOST_GROWTH: Final = 1.1


def memory(days: list["Day"]) -> Iterator[str]:
    """Print how memory has changed; yield a sentence if it has grown."""
    first, most = days[0].memory, max(day.memory for day in days[1:])
    growth = f"Memory: {first / 1e6:.0f} MB after the first day, at most {most / 1e6:.0f} MB after a later one"
    print(f"\n{growth}.")
    if most > MOST_GROWTH * first:
        yield f"{growth}: it grows."


def size(last: "Day", by_use: Mapping[str, int]) -> Iterator[str]:
    """Print how large the database is, and of that videos, logs and all else; yield a sentence if that is not as
    documented."""
    computed = last.videos * BYTES_PER_VIDEO + last.logs * BYTES_PER_LOG
    sizes = f"Database: {last.size / 1e6:.1f} MB, computed {computed / 1e6:.1f} MB"
    print(
        f"{sizes}: {last.videos:,} videos of {BYTES_PER_VIDEO:,} bytes, {last.logs:,} logs of {BYTES_PER_LOG:,} bytes."
    )
    used = (by_use["video"] / last.videos, by_use["log"] / last.logs, by_use["other"])
    print("Measured: {:,.0f} bytes a video, {:,.0f} a log, {:,.0f} for all else.".format(*used))
    if abs(last.size - computed) > MOST_DIFFERENCE * computed:
        yield f"{sizes}."


def age(days: list["Day"], deleted: int, described: int) -> Iterator[str]:
    """Print how old YouTube's data has become; yield a sentence if any was older than its terms allow.

    So many videos were `deleted` on YouTube longer ago, of which so many are still `described`.
    """
    oldest = max(day.oldest_data for day in days)
    print(f"YouTube's data: at most {oldest:.1f} days old.")
    print(f"Of {deleted:,} videos deleted there more than {MOST_DAYS_OLD} days ago, {described:,} are still described.")
    if oldest > MOST_DAYS_OLD or described:
        yield f"YouTube's data is kept for more than {MOST_DAYS_OLD} days."


def messages(lines: Sequence["Line"], cause: Callable[["Line"], str]) -> Iterator[str]:
    """Print the distinct messages of the logs with their `cause`; yield those that have none."""
    distinct = Counter((cause(line), re.sub(r"\d+", "N", line.message)) for line in lines)
    print("\nErrors and warnings in the logs, of the program and of fetches, with their number:")
    for (why, message), number in sorted(distinct.items()):
        print(f"{number:>7,}  {why or 'unexplained'}: {message[:200]}")
    for line in lines:
        if not cause(line):
            yield f"unexplained: {line.moment:%d %b %H:%M:%S} {line.message}"
