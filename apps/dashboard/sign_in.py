"""Limits on guessing passwords, on both pages where people sign in.

Failures are counted for each address, not for each account: a stranger could lock out an account's owner otherwise.
They are kept in Django's cache, which the web's processes share until its timeout after the last one. An attempt counts
as a failure while the password is being checked, or many attempts at once would pass.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache, caches
from django.core.files import locks
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.incidents.models import MAX_SKEW
from core.networks import network_of

logger = logging.getLogger(__name__)

FAILURES = 10
PAGES = ("sign-in", "admin:login")


@receiver(user_login_failed)
def log_failure(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Log a wrong name or password. docs/reverse-proxy.md describes the line for fail2ban."""
    if request is not None:
        logger.warning("Sign-in failed from %s for %r", client(request), str(credentials.get("username"))[:150])
        request.sign_in_failed = True  # type: ignore[attr-defined]


class LimitMiddleware:
    """Refuse sign-ins from an address with too many failures, without looking at the password."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "sign_in_counted", False) and not getattr(request, "sign_in_failed", False):
            with one_at_a_time():
                store(failures_key(request), max(0, count(failures_key(request)) - 1))
        return response

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        if request.method != "POST" or not request.resolver_match or request.resolver_match.view_name not in PAGES:
            return None
        with one_at_a_time():
            failures = count(failures_key(request))
            if failures < FAILURES:
                store(failures_key(request), failures + 1)
                request.sign_in_counted = True  # type: ignore[attr-defined]
                return None
        logger.warning("Sign-in refused from %s: too many failures", client(request))
        context = {"minutes": settings.SIGN_IN_LOCKOUT // 60}
        response = render(request, "dashboard/too_many_failures.html", context, status=429)
        response.headers["Retry-After"] = str(settings.SIGN_IN_LOCKOUT)
        return response


def count(key: str) -> int:
    """Return the number of failures; those from the future do not count: the clock was ahead then, and is set back."""
    found = [kept.get(key, (0, 0)) for kept in (cache, caches["memory"])]
    return max((failures for failures, at in found if at <= time.time() + MAX_SKEW.total_seconds()), default=0)


def store(key: str, failures: int) -> None:
    value = (failures, time.time())
    try:
        cache.set(key, value, timeout=settings.SIGN_IN_LOCKOUT)
    except OSError:  # the disk is full
        caches["memory"].set(key, value, timeout=settings.SIGN_IN_LOCKOUT)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let only one thread of all of web's processes count: Django's file cache cannot increment at once."""
    file = None
    with suppress(OSError):  # the disk is full
        file = (settings.STATE_DIR / "sign_in.lock").open("a")
        locks.lock(file, locks.LOCK_EX)
    try:
        yield
    finally:
        if file:
            file.close()


def client(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def failures_key(request: HttpRequest) -> str:
    return f"failed-sign-ins {network_of(client(request))}".replace(" ", "-")
