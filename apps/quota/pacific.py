"""The day that YouTube's quota follows: midnight to midnight in California.

Source: https://developers.google.com/youtube/v3/getting-started#quota ("midnight Pacific Time"). When the clocks
change, such a day has 23 or 25 hours, so nothing here adds 24 hours to anything.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


def day_of(moment: datetime) -> date:
    """Return the Pacific day of `moment` (aware)."""
    return moment.astimezone(PACIFIC).date()


def start_of(day: date) -> datetime:
    """Return the moment, in UTC, when the Pacific day begins."""
    return datetime.combine(day, time(), PACIFIC).astimezone(UTC)


def next_reset(moment: datetime) -> datetime:
    """Return the first Pacific midnight after `moment`, in UTC."""
    return start_of(day_of(moment) + timedelta(days=1))


def share_elapsed(moment: datetime) -> float:
    """Return the share of its Pacific day that has passed at `moment`, from 0 to 1."""
    start, end = start_of(day_of(moment)), next_reset(moment)
    return (moment - start) / (end - start)
