"""What fails on which day, and which lines in the logs that explains."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, cycle
from typing import Final

from benchmarks.days.youtube import YouTube

# How long after a fault its messages may still appear: keys cool down for up to an hour, and then are tried.
AFTERWARDS: Final = timedelta(hours=2)

# So long before the reset, a day's searches may be used up as planned: see apps/incidents/notify.py.
END_OF_DAY: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that fails from `begins` to `ends`, in hours since the day began.

    `explains` are parts of the messages that it causes, in the logs of the program and of fetches.
    """

    name: str
    begins: float
    ends: float
    inject: Callable[[YouTube], None]
    explains: tuple[str, ...]


_UNAVAILABLE: Final = ("YouTube is having problems", "YouTube could not be reached")
_REFUSED: Final = ("The key is invalid or has expired", "YouTube refuses every configured API key")
NO_SEARCHES: Final = ("Daily search limit reached", "has reached its daily search limit")
_NO_UNITS: Final = ("Daily unit limit reached", "has reached its daily unit limit")
_UNREADABLE: Final = ("YouTube sent an unreadable answer",)

# The first day's: there may be more first fetches than searches.
ALL_ADDED: Final = Fault("all keywords are added", 0, 24, lambda youtube: None, NO_SEARCHES)

# In turn, from the second day on.
FAULTS: Final[tuple[Fault, ...]] = (
    Fault("YouTube responds with 500", 8, 11, lambda youtube: youtube.fail("status_500"), _UNAVAILABLE),
    Fault(
        "one key is refused",
        0,
        24,
        lambda youtube: youtube.set_keys("expired", only_first=True),
        # With one key, the other has half of the searches.
        (*_REFUSED, *NO_SEARCHES),
    ),
    Fault("others use all searches", 0, 24, lambda youtube: youtube.set_limits(searches=0), NO_SEARCHES),
    Fault("no key is accepted", 6, 18, lambda youtube: youtube.set_keys("expired"), _REFUSED),
    Fault("others use all units", 0, 24, lambda youtube: youtube.set_limits(units=0), _NO_UNITS),
    Fault("YouTube resets connections", 8, 10, lambda youtube: youtube.fail("reset"), _UNAVAILABLE),
    Fault("a bot check in YouTube's place", 8, 9, lambda youtube: youtube.fail("html_200"), _UNREADABLE),
)


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault on a day."""

    fault: Fault
    begins: datetime
    ends: datetime

    def explains(self, moment: datetime, message: str) -> bool:
        is_then = self.begins <= moment <= self.ends + AFTERWARDS
        return is_then and any(part in message for part in self.fault.explains)


def injections(days: list[datetime]) -> Iterator[Injection]:
    """Yield what happens on these days, each given by when it begins."""
    for day, fault in zip(days, chain([ALL_ADDED], cycle(FAULTS)), strict=False):
        yield Injection(fault, day + timedelta(hours=fault.begins), day + timedelta(hours=fault.ends))


def end(youtube: YouTube) -> None:
    """End every fault."""
    youtube.recover()
    youtube.set_keys("valid")
    youtube.set_limits()
