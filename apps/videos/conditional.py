"""Conditional requests (RFC 9110, section 13): if the videos did not change, the answer is a 304, and none is read."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import http_date, parse_etags
from rest_framework.request import Request


def conditional(request: Request, changed_at: datetime | None, build: Callable[[], HttpResponse]) -> HttpResponseBase:
    """Return a 304 if the client has the state of `changed_at`, or else what `build` returns, with validators.

    `changed_at` is VideoTotal's. It must have been read before, or together with, all else that the response shows: if
    a writer commits in between, the response has the older tag, and the client requests it again.
    """
    if changed_at is None:  # nothing was ever stored
        return build()
    tag = f'W/"{settings.VERSION}-{round(changed_at.timestamp() * 1_000_000):x}"'
    # Each change has a second of its own. Where they came faster, it lies ahead, where no date of a response may be.
    modified = int(changed_at.timestamp()) if changed_at <= timezone.now() else None
    if tag in parse_etags(request.headers.get("If-None-Match", "")):
        answer: Any = HttpResponseNotModified()
    else:
        # Other conditions, such as `*`, do not show that there is a response; without one they do not count (13.2.1).
        answer = get_conditional_response(request._request, tag, modified, build())
    if answer.status_code in (200, 304):
        answer["ETag"] = tag
        if modified is not None:
            answer["Last-Modified"] = http_date(modified)
        # May be cached, but must be validated each time; by the client alone if others have to sign in.
        patch_cache_control(answer, no_cache=True, **({"private": True} if settings.SIGN_IN == "all" else {}))
    return answer  # type: ignore[no-any-return]
