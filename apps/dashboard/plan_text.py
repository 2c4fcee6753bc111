"""The plan in words, for the page and the terminal."""

from datetime import datetime
from math import floor

from apps.dashboard.templatetags.times import roughly, span
from apps.videos.models import SPREAD, KeyWordEntry


def reason(entry: KeyWordEntry) -> str:
    """Return why a keyword has its interval."""
    if entry.requested_interval and entry.is_stretched:
        chosen = "requested" if entry.interval else "default"
        return f"{chosen} every {span(entry.requested_interval)}; not enough searches"
    if entry.interval:
        return "requested"
    if entry.requested_interval:
        return "default interval"
    if entry.below_daily_minimum:
        return "not enough searches: less than once a day"
    return "automatic" if entry.weight == 1 else f"automatic, weight {entry.weight}"


def waits(entry: KeyWordEntry, until: datetime | None) -> bool:
    """Return whether the next scheduled fetch of a keyword waits for the searches that there are again at `until`.

    First fetches may use what is kept for manual ones. Keywords that would not be due before do not wait.
    """
    if until is None or entry.next_fetch_at is None or entry.next_fetch_at > until + SPREAD:
        return False
    return entry.last_fetched_at is not None or entry.next_fetch_at >= until


def search_rate(interval: int) -> str:
    """Return how often scheduled searches are made that are `interval` seconds apart on average, rounded."""
    return f"one search every {roughly(interval)}" if interval else "several searches a second"


def about(number: float) -> str:
    """Return an estimated number, rounded: "1,234", "12", "0.4"."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def at_most(number: float) -> str:
    """Return a number rounded down, so that a sum of such numbers is never too large: "1,234", "12", "3", "0.4"."""
    if number >= 10 or number == int(number):
        return f"{floor(number):,}"
    tenths = floor(number * 10 + 1e-9)
    return f"{tenths / 10:.1f}" if tenths else "less than 0.1"
