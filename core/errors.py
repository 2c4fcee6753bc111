"""What can go wrong with a source, as types that say what to do about it.

Messages are written for people and never contain a key: none is made from `str(HttpError)`. Each type has a stable
`code` for logs and the API.
"""

from datetime import timedelta
from typing import ClassVar, Literal

Bucket = Literal["search", "general"]


class SourceError(Exception):
    """A source did not answer as expected. `http_status` is None if there was no response."""

    code: ClassVar[str] = "source_error"

    def __init__(self, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class BucketExhausted(SourceError):
    """The project has used up a bucket: use another project's key, or wait for the reset.

    `consumer` is Google's name of the project (`projects/1234`), if the response contains it.
    """

    code = "bucket_exhausted"

    def __init__(self, message: str, bucket: Bucket, http_status: int, consumer: str = "") -> None:
        super().__init__(message, http_status)
        self.bucket: Bucket = bucket
        self.consumer = consumer


class KeyRefused(SourceError):
    """The key is refused until a person acts: use another one and do not retry this one."""

    code = "key_refused"

    def __init__(self, message: str, reason: str, http_status: int) -> None:
        super().__init__(message, http_status)
        self.reason = reason


class ProjectSuspended(KeyRefused):
    """The project is suspended or deleted: stop using it, and do not switch to another project instead."""

    code = "project_suspended"


class KeyCoolingDown(SourceError):
    """The key was refused for a reason that may pass: do not use it for `cooldown`, but another one."""

    code = "key_cooling_down"

    def __init__(
        self, message: str, http_status: int | None = None, cooldown: timedelta = timedelta(minutes=15)
    ) -> None:
        super().__init__(message, http_status)
        self.cooldown = cooldown


class BadQuery(SourceError):
    """The source reports the query as invalid: neither another key nor a retry at once would help."""

    code = "bad_query"


class BadPageToken(SourceError):
    """The page token is no longer valid: start again at the first page; the query itself is fine."""

    code = "bad_page_token"


class SourceUnavailable(SourceError):
    """The source failed or asked for a slower rate: retry a little later with the same key.

    `retry_after` is the wait in seconds that the source asked for, at most 60, or None.
    """

    code = "source_unavailable"

    def __init__(self, message: str, http_status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(message, http_status)
        self.retry_after = retry_after


class RequestRefused(SourceUnavailable):
    """The source refuses the request without a reason: its fault, unless it accepts other queries."""


class SourceBlocked(SourceError):
    """The source, or something in front of it, refuses this client: do not use it for `cooldown`."""

    code = "source_blocked"
    cooldown = timedelta(hours=1)


def connection_failed(source: str, error: Exception) -> SourceUnavailable:
    """Return the error for a request to `source` that got no response because of `error`."""
    timed_out = isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
    return SourceUnavailable(f"{source} did not answer in time." if timed_out else f"{source} could not be reached.")
