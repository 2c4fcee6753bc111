"""The plan in words, for the page and the terminal."""

from apps.dashboard.templatetags.times import span
from apps.videos.models import KeyWordEntry


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


def about(number: float) -> str:
    """Return an estimated number, rounded: "1,234", "12", "0.4"."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
