"""Interpret YouTube's error responses: each becomes the SourceError that says what to do.

Since 1 June 2026 a used-up search bucket is a 429 `rateLimitExceeded`, like a request rate that is too high; only
the ErrorInfo's `quota_limit` or the message distinguishes the daily from the per-minute limit. The order of evaluation
is: ErrorInfo reason and metadata, errors[0].reason, the message, the HTTP status.
Sources: https://developers.google.com/youtube/v3/docs/errors and google/api/error_reason.proto.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from core.errors import (
    BadPageToken,
    BadQuery,
    Bucket,
    BucketExhausted,
    KeyCoolingDown,
    KeyRefused,
    ProjectSuspended,
    RequestRefused,
    SourceBlocked,
    SourceError,
    SourceUnavailable,
)
from core.found_video import storable

MAX_RETRY_AFTER: Final = 60  # seconds; a longer wait is cut to this, and the source can ask for it again

_EXHAUSTED = {"quotaExceeded", "dailyLimitExceeded"}
_RATE_LIMIT = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_SUSPENDED = {"CONSUMER_SUSPENDED", "CONSUMER_INVALID", "BILLING_DISABLED", "PROJECT_INVALID"}
# Temporary: after the API has been enabled, it takes Google some minutes to accept requests.
_NOT_ENABLED = {"SERVICE_DISABLED", "accessNotConfigured"}

# Reasons that name the query itself. Others name parameters that are the same for every keyword.
_BAD_QUERY = {"invalidSearchFilter", "invalidQuery"}
_IDENTIFIER = re.compile(r"[A-Za-z0-9_./:-]{1,100}")
_NAMES_QUERY = re.compile(r"\bparameter:? q\b|(?P<quote>[\"'`])q(?P=quote)")

# Why a key is refused until a person acts.
_REFUSED_KEY = {
    "API_KEY_INVALID": "The key is invalid or has expired.",
    "keyInvalid": "The key is invalid.",
    "keyExpired": "The key has expired.",
    "API_KEY_SERVICE_BLOCKED": "The key's API restrictions do not include the YouTube Data API.",
    "API_KEY_IP_ADDRESS_BLOCKED": "The key's IP address restrictions do not include this server.",
    "API_KEY_HTTP_REFERRER_BLOCKED": "The key is restricted to web pages (HTTP referrer restriction).",
    "ipRefererBlocked": "The key's IP address restrictions do not include this server.",
}


@dataclass(frozen=True, slots=True)
class _Body:
    """What the body of an error response says; each field is "" if it is missing.

    `from_api` is False if the body does not come from the API but from a proxy or another server.
    """

    from_api: bool = False
    message: str = ""
    reason: str = ""
    location: str = ""
    info_reason: str = ""
    quota_limit: str = ""
    consumer: str = ""


def refusal(status: int, content: bytes, retry_after: str = "") -> SourceError:
    """Return the error for a response with this HTTP status, body and Retry-After header."""
    body = _read(content)
    reasons = {body.info_reason, body.reason}
    message = body.message.lower()
    wait = _wait(retry_after)

    if suspended := reasons & _SUSPENDED:
        why = f"Google has suspended or disabled the key's project ({min(suspended)})."
        return ProjectSuspended(why, min(suspended), status)
    for reason in (body.info_reason, body.reason):
        if reason in _REFUSED_KEY:
            return KeyRefused(_REFUSED_KEY[reason], reason, status)
        if reason in _NOT_ENABLED:
            why = "The YouTube Data API is not enabled in the key's project, or was enabled only minutes ago."
            return KeyCoolingDown(why, status, timedelta(hours=1))
    if reasons & _EXHAUSTED:
        return BucketExhausted("The project has reached its daily unit limit.", "general", status, body.consumer)
    if reasons & _RATE_LIMIT or status == 429:
        if "PerDay" in body.quota_limit or "per day" in message:
            bucket = _bucket(body)
            what = "search" if bucket == "search" else "unit"
            return BucketExhausted(f"The project has reached its daily {what} limit.", bucket, status, body.consumer)
        return SourceUnavailable("YouTube's limit of requests per minute is reached.", status, wait)
    if status == 403 and "unregistered callers" in message:
        return KeyRefused("YouTube did not receive a key.", "missing", status)
    if status in (400, 403) and "api key" in message:
        return KeyRefused("YouTube does not accept the key.", body.reason or "badRequest", status)
    if 300 <= status < 400:
        # A proxy's sign-in page, for example: following the redirect would send it the key.
        return SourceBlocked(f"The YouTube API's address redirects to another one (HTTP {status}).", status)
    if status in (401, 403):
        if not body.from_api:
            return KeyCoolingDown(f"A server other than the YouTube API refused access (HTTP {status}).", status)
        return KeyCoolingDown(f"YouTube refused the key ({body.reason or 'no reason given'}).", status)
    if status >= 500:
        return SourceUnavailable(f"YouTube is having problems (HTTP {status}).", status, wait)
    if status == 408:
        return SourceUnavailable(f"The request to YouTube timed out (HTTP {status}).", status, wait)
    if status == 407:
        return SourceBlocked(f"The proxy requires authentication (HTTP {status}).", status)
    if status in (413, 414):
        return BadQuery(f"YouTube refuses this query (HTTP {status}: too long).", status)
    if not body.from_api:
        return SourceBlocked(f"A server other than the YouTube API responded (HTTP {status}).", status)
    if body.reason == "invalidPageToken":
        return BadPageToken("YouTube no longer accepts this page token.", status)
    if status == 400 and _names_query(body):
        return BadQuery(f"YouTube refuses this query ({body.reason or f'HTTP {status}'}).", status)
    # Searches differ only in the query, so whatever else is wrong with one should be wrong with all of them.
    why = f"HTTP {status}, {body.reason}" if body.reason else f"HTTP {status}"
    return RequestRefused(f"YouTube refuses the request ({why}).", status)


def _names_query(body: _Body) -> bool:
    return body.reason in _BAD_QUERY or body.location == "q" or bool(_NAMES_QUERY.search(body.message))


def _wait(retry_after: str) -> int | None:
    """Return a Retry-After header in seconds; None if it is missing or a date, which these servers do not send."""
    text = retry_after.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text[:10]), MAX_RETRY_AFTER)


def _bucket(body: _Body) -> Bucket:
    return "search" if "search" in body.quota_limit.lower() or "search" in body.message.lower() else "general"


def _read(content: bytes) -> _Body:
    """Parse the body of an error response; HTML and JSON of another shape give an empty result.

    Google's servers send the object also as the only item of a list.
    """
    try:
        errors = [error for body in _mappings(json.loads(content)) for error in _mappings(body.get("error"))]
    except (ValueError, RecursionError):
        return _Body()
    if not errors:
        return _Body()
    error = errors[0]
    first = next(iter(_mappings(error.get("errors"))), {})
    info = next((d for d in _mappings(error.get("details")) if d.get("reason")), {})
    metadata = info.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return _Body(
        from_api=True,
        message=_text(error.get("message")) or _text(first.get("message")),
        reason=_identifier(first.get("reason")),
        location=_text(first.get("location")),
        info_reason=_identifier(info.get("reason")),
        quota_limit=_text(metadata.get("quota_limit")),
        consumer=_identifier(metadata.get("consumer")),
    )


def _mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list; an object alone counts as a list of one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]


def _text(value: object) -> str:
    """Return a text in which something is looked for; "" if it is not text."""
    return storable(value, 500)


def _identifier(value: object) -> str:
    """Return an identifier, such as `quotaExceeded` or `projects/1234`, which is shown and stored; "" if it is none."""
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else ""
