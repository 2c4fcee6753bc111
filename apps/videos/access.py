"""Who may read and change things, by the setting SIGN_IN; and that no foreign page does it for them."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # the views import their permissions
    from rest_framework.views import APIView


def may_write(request: HttpRequest | Request) -> bool:
    """Tell whether whoever asks may change things."""
    return settings.SIGN_IN == "off" or bool(request.user and request.user.is_authenticated)


class SignIn(BasePermission):
    """Reading is open unless SIGN_IN is `all`; changing needs a signed-in person or a token unless it is `off`."""

    message = "Sign in first: changes need a session or an API token here."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return may_write(request) or (request.method in SAFE_METHODS and settings.SIGN_IN != "all")


class SameSite(BasePermission):
    """Refuse changes that a browser sends on behalf of another site.

    Django's own protection is a token bound to a session; where no sign-in is asked there is no session to
    protect, but still a stranger's page that could write through the reader's browser.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        origin = request.headers.get("Origin")
        foreign = request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") or (
            origin is not None and urlsplit(origin).netloc != request.get_host()
        )
        if foreign and request.method not in SAFE_METHODS:
            # Raised, since for strangers False would become "sign in first", which would not help.
            raise PermissionDenied("Changes are refused when another site's page sends them.")
        return True
