"""The plan in words, for the page and the terminal."""

from math import floor

from django.utils import timezone

from apps.dashboard.times import roughly, span
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.shares import SHORTEST_AUTOMATIC


def reason(entry: KeyWordEntry) -> str:
    """Return why a keyword has its interval."""
    if entry.requested_interval and (cause := entry.stretched_by):
        chosen = "requested" if entry.interval else "default"
        why = "not enough searches" if cause == "daily_limit" else f"the shortest is {span(SHORTEST_AUTOMATIC)}"
        return f"{chosen} every {span(entry.requested_interval)}; {why}"
    if entry.requested_interval and entry.exceeds_request:
        chosen = "requested" if entry.interval else "default"
        return f"{chosen} every {span(entry.requested_interval)}; more often with its group"
    if entry.interval:
        return "requested"
    if entry.requested_interval:
        return "default interval"
    if entry.below_daily_minimum:
        return "not enough searches: less than once a day"
    return "automatic" if entry.weight == 1 else f"automatic, weight {entry.weight}"


def together(entry: KeyWordEntry) -> str:
    """Return which other keywords a keyword's searches are for, if any; of entries with_sharing()."""
    others: int = entry.searched_with  # type: ignore[attr-defined]
    return f"together with {others} other{'' if others == 1 else 's'}" if others else ""


def audited(entry: KeyWordEntry) -> str:
    """Return what searches for a keyword alone showed about those for its group; empty if there was none."""
    evidence = getattr(entry, "evidence", None)
    if evidence is None or evidence.audited_at is None:
        return ""
    now = evidence.group_now
    day = f"{timezone.localtime(evidence.audited_at):%-d %b}"
    if round(now.expected) < 1:
        return f"checked alone on {day}"
    delivered = f"{round(now.delivered):,} of {round(now.expected):,} delivered"
    return f"checked alone on {day}: {delivered}, at least {floor(100 * now.bounds[0])} %"


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
