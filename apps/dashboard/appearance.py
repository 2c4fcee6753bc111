"""How pages look in one browser, which cookies remember: the theme, and whether thumbnails are shown."""

from typing import Any

from csp.constants import SELF
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse

THEMES = ("system", "light", "dark")
THUMBNAILS = ("on", "off")
REMEMBERED = 365 * 86_400  # seconds


def theme(request: HttpRequest) -> str:
    """Return the theme that was chosen; "system" follows the system's."""
    return _chosen(request, settings.THEME_COOKIE_NAME, THEMES)


def shows_thumbnails(request: HttpRequest) -> bool:
    return _chosen(request, settings.THUMBNAILS_COOKIE_NAME, THUMBNAILS) == "on"


def remember(response: HttpResponse, *, theme: str = "", thumbnails: str = "") -> None:
    """Set the cookies of what was chosen; an empty or unknown value changes nothing."""
    for name, value, choices in (
        (settings.THEME_COOKIE_NAME, theme, THEMES),
        (settings.THUMBNAILS_COOKIE_NAME, thumbnails, THUMBNAILS),
    ):
        if value in choices:
            response.set_cookie(name, value, max_age=REMEMBERED, httponly=True, samesite="Lax")


def _chosen(request: HttpRequest, cookie: str, choices: tuple[str, ...]) -> str:
    value = request.COOKIES.get(cookie, "")
    return value if value in choices else choices[0]


class PolicyMiddleware(CSPMiddleware):
    """Send the Content-Security-Policy, which without thumbnails allows no images of other servers."""

    def get_policy_parts(self, request: HttpRequest, response: Any, report_only: bool = False) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not shows_thumbnails(request):
            parts.replace = {"img-src": [SELF], **(parts.replace or {})}
        return parts
