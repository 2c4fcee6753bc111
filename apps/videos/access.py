"""Who may read and change things (SIGN_IN), and protection against cross-site requests."""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.videos.errors import DETAILS
from apps.videos.models import ApiToken

if TYPE_CHECKING:  # the views import their permissions
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


def may_write(request: HttpRequest | Request) -> bool:
    """Return whether the request may change things."""
    # An error page may be shown before the middleware that knows the user was reached.
    user = getattr(request, "user", None)
    return settings.SIGN_IN == "off" or bool(user and user.is_authenticated)


class LoggedTokens(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """An ApiToken in the header: `Authorization: Token ...` or `Bearer ...`.

    Wrong ones are logged, as wrong passwords are. They need no limit: a token has 256 random bits.
    """

    def authenticate(self, request: Request) -> Any:
        try:
            found = super().authenticate(request)
        except (AuthenticationFailed, UnicodeDecodeError) as error:
            logger.warning("Sign-in failed from %s with a token", request.META.get("REMOTE_ADDR", ""))
            raise AuthenticationFailed("The token is wrong, or was revoked. Create another one at /tokens/.") from error
        if found:
            with suppress(DatabaseError):  # such as a full disk, with which one can still read
                found[1].record_use()
        return found

    def authenticate_header(self, request: Request) -> str:
        """Return the scheme that the client uses."""
        return "Bearer" if get_authorization_header(request)[:7].lower() == b"bearer " else "Token"


class Sessions(SessionAuthentication):
    """The session of someone who has signed in; changes need its CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise PermissionDenied(
                "With the cookie of a session, changes need its CSRF token in the header X-CSRFToken. Programs should "
                "send an API token instead: Authorization: Token ..."
            ) from error


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI schema describes sessions."""

    target_class = Sessions
    name = "cookieAuth"  # as drf-spectacular names it

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI schema describes tokens; clients have `Bearer` built in."""

    target_class = LoggedTokens
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class SignIn(BasePermission):
    """Reading is open unless SIGN_IN is `all`; changes need a session or a token unless it is `off`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        token, reads = request.auth, request.method in SAFE_METHODS
        if isinstance(token, ApiToken) and not token.may_write and not reads:
            raise PermissionDenied("This token may only read.")
        if not (may_write(request) or (reads and settings.SIGN_IN != "all")):
            # Raised, since for False REST framework has a sentence of its own.
            raise NotAuthenticated(DETAILS[401])
        return True


class SameSite(BasePermission):
    """Refuse changes that a browser sends on behalf of another site, except with a token from one of CORS_ORIGINS.

    Django's CSRF token is bound to a session. Without sign-in there is no session, but a page of another site could
    still write through the visitor's browser, which sends cookies by itself, but no API token.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        has_access = request.auth and request.headers.get("Origin") in settings.CORS_ALLOWED_ORIGINS
        if is_cross_site(request) and not has_access and request.method not in SAFE_METHODS:
            # Raised, since returning False would become "Sign in first", which would not help.
            raise PermissionDenied("Cross-site requests may not change anything.", "cross_site")
        return True


def is_cross_site(request: HttpRequest | Request) -> bool:
    """Return whether a browser says that a page of another site makes the request."""
    origin = request.headers.get("Origin")
    return request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") or (
        origin is not None and host_of(origin) != request.get_host()
    )


def host_of(origin: str) -> str:
    """Return the host and port of an Origin header; empty if it is invalid."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
