"""When this browser opened the list of videos before: what was found since then is new to its reader.

A cookie has two times, in seconds: the end of the visit before this one, and the last time that a page was opened. What
a page asks for by itself does not count.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

# A visit ends when no page is opened for so long.
PAUSE = timedelta(minutes=30)
REMEMBERED = timedelta(days=365)


def last_visit(request: HttpRequest) -> datetime | None:
    """Return when the visit before this one ended; None if this is the first."""
    before, opened = _read(request)
    return opened if opened and timezone.now() - opened > PAUSE else before


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """Record that a page was opened now."""
    times = (last_visit(request), timezone.now())
    value = ".".join(str(int(time.timestamp())) if time else "" for time in times)
    response.set_cookie(settings.VISIT_COOKIE_NAME, value, max_age=REMEMBERED, httponly=True, samesite="Lax")


def _read(request: HttpRequest) -> tuple[datetime | None, datetime | None]:
    before, _, opened = request.COOKIES.get(settings.VISIT_COOKIE_NAME, "").partition(".")
    return _time(before), _time(opened)


def _time(text: str) -> datetime | None:
    """Return a time of the cookie, or None if there is none before now."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    time = datetime.fromtimestamp(int(text), UTC)
    return time if time <= timezone.now() else None
