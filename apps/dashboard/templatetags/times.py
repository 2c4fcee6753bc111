"""Times in words: how long ago, how soon, how long, how often."""

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.quota import pacific

register = template.Library()

MINUTE, HOUR, DAY = 60, 3_600, 86_400
UNITS = [(DAY, "day"), (HOUR, "h"), (MINUTE, "min"), (1, "s")]

# Beyond this a date says more than a number of days.
FAR = 30 * DAY


@register.simple_tag
def moment(when: datetime, exact: bool = True) -> SafeString:
    """Return `when` seen from now, with the exact time for machines and for who points at it."""
    title = f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    words = from_now(when, timezone.now())
    if not exact:
        title, words = f"The date is a guess of Invidious: {title}", f"about {words}"
    return format_html('<time datetime="{}" title="{}">{}</time>', when.isoformat(), title, words)


@register.simple_tag
def reset(when: datetime) -> SafeString:
    """Return when a pause ends, for short: "at 00:00 Pacific (in 3 h 12 min)"."""
    left = f"in {span(max(0, round((when - timezone.now()).total_seconds())))}"
    words = f"at 00:00 Pacific ({left})" if when == pacific.start_of(pacific.day_of(when)) else left
    title = f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', when.isoformat(), title, words)


def from_now(when: datetime, now: datetime) -> str:
    """Return "2 min ago", "in 5 min" or, more than a month away, the date."""
    seconds = (when - now).total_seconds()
    length = round(abs(seconds))
    if length >= FAR:
        return f"{when.day} {when:%b %Y}"
    if length == 0:
        return "now"
    size = next(size for size, _ in UNITS if length >= size)
    words = span(round(length / size) * size, parts=1)
    return f"in {words}" if seconds > 0 else f"{words} ago"


@register.filter
def span(seconds: int, parts: int = 2) -> str:
    """Return a length of time in words, from its largest unit down over `parts` of them: "1 h 41 min".

    All four units together are exact.
    """
    numbers: list[tuple[int, str]] = []
    for size, name in UNITS:
        number, seconds = divmod(seconds, size)
        if number or numbers:
            numbers.append((number, "days" if name == "day" and number > 1 else name))
    return " ".join(f"{number} {name}" for number, name in numbers[:parts] if number) or "0 s"


@register.filter
def roughly(seconds: int) -> str:
    """Return a length of time in words, as precise as a plan is: from ten minutes on in whole minutes."""
    return span(round(seconds / MINUTE) * MINUTE if seconds >= 10 * MINUTE else seconds)


@register.filter
def clock(seconds: int) -> str:
    """Return a video's length as players show it: "1:02:03", "4:05"."""
    hours, rest = divmod(seconds, HOUR)
    minutes, seconds = divmod(rest, MINUTE)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
