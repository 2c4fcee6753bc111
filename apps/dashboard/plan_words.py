"""Why a keyword is searched as often as it is, in words."""

from apps.dashboard.templatetags.times import span
from apps.videos.models import KeyWordEntry


def why(entry: KeyWordEntry) -> str:
    """Return the reason: a wish, the searches that do not bear one, too many keywords, or the plan."""
    if entry.wish and entry.is_stretched:
        return f"you chose {span(entry.wish)}; the searches do not allow it"
    if entry.interval:
        return "you chose it"
    if entry.wish:
        return "FETCH_INTERVAL"
    if entry.starves:
        return "too few searches for one a day"
    return "automatic" if entry.weight == 1 else f"automatic, weight {entry.weight}"
