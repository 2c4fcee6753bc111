"""Times in words: "2 min ago", "in 5 min", "1 h 41 min". windhover.js keeps those relative to now up to date."""

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.videos.scheduling.allocation import DAY

MINUTE, HOUR = 60, 3_600
UNITS = [(DAY, "day"), (HOUR, "h"), (MINUTE, "min"), (1, "s")]

# From here on a date is clearer than a number of days.
FAR = 30 * DAY


def moment(when: datetime, exact: bool = True) -> SafeString:
    """Return `when` relative to now, with the exact time as machine-readable value and tooltip."""
    title = f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    words = from_now(when, timezone.now())
    if exact:
        return format_html('<time datetime="{}" title="{}" data-relative>{}</time>', when.isoformat(), title, words)
    return format_html(
        '<time datetime="{}" title="Estimated: {}" data-relative="about ">about {}</time>',
        when.isoformat(),
        title,
        words,
    )


def due(when: datetime) -> SafeString:
    """Return `when` relative to now, and "Due now" from then on."""
    title = f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    words = from_now(when, timezone.now()) if when > timezone.now() else "Due now"
    return format_html(
        '<time datetime="{}" title="{}" data-relative data-due>{}</time>', when.isoformat(), title, words
    )


def as_of(when: datetime) -> SafeString:
    """Return the attributes of an element that shows a number as it was at `when`."""
    title = f"As of {when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return format_html('data-as-of="{}" title="{}"', when.isoformat(), title)


def reset(when: datetime) -> SafeString:
    """Return when a pause ends: "at 08:00 UTC (in 3 h 12 min)"."""
    return format_html("at {}", time_and_left(when))


def local_time(when: datetime, with_zone: bool = True) -> SafeString:
    """Return "08:00 UTC", or "08:00" where the zone is named nearby; a script shows the reader's local time instead."""
    utc = when.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-local>{}</time>',
        when.isoformat(),
        f"{utc:%Y-%m-%d %H:%M} UTC",
        f"{utc:%H:%M} UTC" if with_zone else f"{utc:%H:%M}",
    )


def time_and_left(when: datetime) -> SafeString:
    """Return "08:00 UTC (in 3 h 12 min)", with the reader's local time as local_time()."""
    return format_html("{} {}", local_time(when), left(when))


def left(when: datetime) -> SafeString:
    """Return "(in 3 h 12 min)"."""
    return format_html('<time datetime="{}" data-left>(in {})</time>', when.isoformat(), time_left(when))


def time_left(when: datetime) -> str:
    """Return the time until `when`: "3 h 12 min"."""
    return span(max(0, round((when - timezone.now()).total_seconds())))


def date_and_time(when: datetime) -> SafeString:
    """Return "28 Nov 18:00 UTC", with the year if it is another one; a script shows the reader's local time instead."""
    utc = when.astimezone(UTC)
    year = "" if utc.year == timezone.now().year else f" {utc.year}"
    return format_html(
        '<time datetime="{}" title="{}" data-local="date">{}</time>',
        when.isoformat(),
        f"{utc:%Y-%m-%d %H:%M} UTC",
        f"{utc.day} {utc:%b}{year} {utc:%H:%M} UTC",
    )


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


def span(seconds: int, parts: int = 2) -> str:
    """Return a duration in words, with its `parts` largest units: "1 h 41 min". With four units it is exact."""
    numbers: list[tuple[int, str]] = []
    for size, name in UNITS:
        number, seconds = divmod(seconds, size)
        if number or numbers:
            numbers.append((number, "days" if name == "day" and number > 1 else name))
    return " ".join(f"{number} {name}" for number, name in numbers[:parts] if number) or "0 s"


def roughly(seconds: int) -> str:
    """Return an approximate duration in words: from ten minutes on in whole minutes."""
    return span(round(seconds / MINUTE) * MINUTE if seconds >= 10 * MINUTE else seconds)


def clock(seconds: int) -> str:
    """Return a video's duration as players show it: "1:02:03", "4:05"."""
    hours, rest = divmod(seconds, HOUR)
    minutes, seconds = divmod(rest, MINUTE)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
