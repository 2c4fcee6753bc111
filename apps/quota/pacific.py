"""The day by which YouTube counts: midnight to midnight in California.

Source: https://developers.google.com/youtube/v3/getting-started#quota ("midnight Pacific Time"). At a change of
clocks such a day has 23 or 25 hours, so nothing here adds 24 hours to anything.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


def day_of(moment: datetime) -> date:
    """Return the Pacific day in which `moment` (aware) lies."""
    return moment.astimezone(PACIFIC).date()


def start_of(day: date) -> datetime:
    """Return the moment, in UTC, at which the Pacific day begins."""
    return datetime.combine(day, time(), PACIFIC).astimezone(UTC)


def next_reset(moment: datetime) -> datetime:
    """Return the first Pacific midnight after `moment`, in UTC."""
    return start_of(day_of(moment) + timedelta(days=1))


def share_elapsed(moment: datetime) -> float:
    """Return which share of its Pacific day is over at `moment`, from 0 to 1."""
    start, end = start_of(day_of(moment)), next_reset(moment)
    return (moment - start) / (end - start)
