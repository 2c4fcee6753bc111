"""The plan in words, for page and terminal."""

from apps.dashboard.templatetags.times import span
from apps.videos.models import KeyWordEntry


def why(entry: KeyWordEntry) -> str:
    """Return the reason: a wish, the searches that do not bear one, too few searches, or the plan."""
    if entry.wish and entry.is_stretched:
        return f"you chose {span(entry.wish)}; the searches do not allow it"
    if entry.interval:
        return "you chose it"
    if entry.wish:
        return "the interval of all"
    if entry.starves:
        return "too few searches for one a day"
    return "automatic" if entry.weight == 1 else f"automatic, weight {entry.weight}"


def about(number: float) -> str:
    """Return a number as precise as an estimate is: "1,234", "12", "0.4"."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
