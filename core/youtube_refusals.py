"""Read YouTube's refusals: which error, and so what to do.

Since 1 June 2026 an empty search bucket is a 429 `rateLimitExceeded`, which looks like a burst and is not; only
the ErrorInfo's `quota_limit` or the message tells the day from the minute. The order of decision is: ErrorInfo
reason and metadata, then errors[0].reason, then the message, then the HTTP code.
Sources: https://developers.google.com/youtube/v3/docs/errors and google/api/error_reason.proto.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from core.errors import (
    BadPageToken,
    BadQuery,
    Bucket,
    BucketExhausted,
    KeyRefused,
    KeyResting,
    ProjectSuspended,
    SourceAway,
    SourceBlocked,
    SourceError,
)
from core.found_video import storable

LONGEST_WAIT: Final = 60  # seconds; a source that asks for more is asked again all the same, and says so again

_EMPTY_BUCKET = {"quotaExceeded", "dailyLimitExceeded"}
_BURST = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_SUSPENDED = {"CONSUMER_SUSPENDED", "CONSUMER_INVALID", "BILLING_DISABLED", "PROJECT_INVALID"}
# Not for good: once a person has enabled the API, Google needs minutes to notice.
_NOT_ENABLED = {"SERVICE_DISABLED", "accessNotConfigured"}

# Plain words for each way a key can be refused for good.
_REFUSED_KEY = {
    "API_KEY_INVALID": "YouTube does not know this key, or it has expired.",
    "keyInvalid": "YouTube does not know this key.",
    "keyExpired": "This key has expired.",
    "API_KEY_SERVICE_BLOCKED": "This key may not use the YouTube Data API: its API restriction forbids it.",
    "API_KEY_IP_ADDRESS_BLOCKED": "This key may not be used from this machine's address.",
    "API_KEY_HTTP_REFERRER_BLOCKED": "This key is for web pages only: its referrer restriction forbids us.",
    "ipRefererBlocked": "This key may not be used from this machine's address.",
}


@dataclass(frozen=True, slots=True)
class _Body:
    """What a refusal's body says; every field is "" where it says nothing.

    `from_api` is False where it is not the API that speaks but something in front of it, or in its place.
    """

    from_api: bool = False
    message: str = ""
    reason: str = ""
    info_reason: str = ""
    quota_limit: str = ""
    consumer: str = ""


def refusal(status: int, content: bytes, retry_after: str = "") -> SourceError:
    """Return the error that an answer with this HTTP status, body and Retry-After header means."""
    body = _read(content)
    reasons = {body.info_reason, body.reason}
    message = body.message.lower()
    wait = _wait(retry_after)

    if suspended := reasons & _SUSPENDED:
        return ProjectSuspended("YouTube has suspended this key's project.", min(suspended), status)
    for reason in (body.info_reason, body.reason):
        if reason in _REFUSED_KEY:
            return KeyRefused(_REFUSED_KEY[reason], reason, status)
        if reason in _NOT_ENABLED:
            plain = "The YouTube Data API is not enabled in this key's project, or was so only minutes ago."
            return KeyResting(plain, status, timedelta(hours=1))
    if reasons & _EMPTY_BUCKET:
        return BucketExhausted("The project's units for today are spent.", "general", status, body.consumer)
    if reasons & _BURST or status == 429:
        if "PerDay" in body.quota_limit or "per day" in message:
            bucket = _bucket(body)
            what = "searches" if bucket == "search" else "units"
            return BucketExhausted(f"The project's {what} for today are spent.", bucket, status, body.consumer)
        return SourceAway("YouTube asked us to slow down.", status, wait)
    if status == 403 and "unregistered callers" in message:
        return KeyRefused("YouTube received no key.", "missing", status)
    if status in (400, 403) and "api key" in message:
        return KeyRefused("YouTube does not accept this key.", body.reason or "badRequest", status)
    if 300 <= status < 400:
        # A proxy's sign-in page, say: following it would hand the key to a stranger.
        return SourceBlocked(f"YouTube's address sends us elsewhere (HTTP {status}).", status)
    if status in (401, 403):
        if not body.from_api:
            return KeyResting(f"What answers at YouTube's address refuses us (HTTP {status}).", status)
        return KeyResting(f"YouTube refused this key ({body.reason or 'no reason given'}).", status)
    if status >= 500:
        return SourceAway("YouTube had a fault of its own.", status, wait)
    if status == 408:
        return SourceAway("YouTube did not get our question in time.", status, wait)
    if status == 407:
        return SourceBlocked("A proxy on the way to YouTube wants a password.", status)
    # Without the API's own words only these two speak of the query: it is too long for whoever answered.
    if not body.from_api and status not in (413, 414):
        return SourceBlocked(f"What answers at YouTube's address is not its API (HTTP {status}).", status)
    if body.reason == "invalidPageToken":
        return BadPageToken("YouTube no longer knows this page of the search.", status)
    return BadQuery(f"YouTube does not accept this query ({body.reason or f'HTTP {status}'}).", status)


def _wait(retry_after: str) -> int | None:
    """Return a Retry-After header in seconds; None if there is none, or it is a date, which nobody sends here."""
    text = retry_after.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text[:10]), LONGEST_WAIT)


def _bucket(body: _Body) -> Bucket:
    return "search" if "search" in body.quota_limit.lower() or "search" in body.message.lower() else "general"


def _read(content: bytes) -> _Body:
    """Return what the body says; HTML, broken JSON and JSON of another shape say nothing."""
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _Body()
    if not isinstance(error, Mapping):
        return _Body()
    first = next(iter(_mappings(error.get("errors"))), {})
    info = next((d for d in _mappings(error.get("details")) if d.get("reason")), {})
    metadata = info.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    return _Body(
        from_api=True,
        message=_text(error.get("message")) or _text(first.get("message")),
        reason=_text(first.get("reason"))[:100],
        info_reason=_text(info.get("reason"))[:100],
        quota_limit=_text(metadata.get("quota_limit")),
        consumer=_text(metadata.get("consumer"))[:100],
    )


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """Return a text that can be stored and shown, whatever it was."""
    return storable(value, 500)
