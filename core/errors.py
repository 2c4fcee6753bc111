"""What can go wrong with a source, as types that say what to do about it.

Messages are plain words for people. They never hold a key: nothing here is made from `str(HttpError)`.
"""

from datetime import timedelta
from typing import Literal

Bucket = Literal["search", "general"]


class SourceError(Exception):
    """A source did not answer as asked. `http_status` is None where no answer came."""

    def __init__(self, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class BucketExhausted(SourceError):
    """The project's bucket is empty until the reset: use another project's key, or wait.

    `consumer` is the project's own name for itself (`projects/1234`), where the refusal told it.
    """

    def __init__(self, message: str, bucket: Bucket, http_status: int, consumer: str = "") -> None:
        super().__init__(message, http_status)
        self.bucket: Bucket = bucket
        self.consumer = consumer


class KeyRefused(SourceError):
    """The key is refused until a person acts: use another, never try this one again by itself."""

    def __init__(self, message: str, reason: str, http_status: int) -> None:
        super().__init__(message, http_status)
        self.reason = reason


class ProjectSuspended(KeyRefused):
    """The whole project is suspended or deleted: stop using it, and do not rotate around it."""


class KeyResting(SourceError):
    """The key was refused for a reason that may pass by itself: let it rest for `rest`, use another."""

    def __init__(self, message: str, http_status: int | None = None, rest: timedelta = timedelta(minutes=15)) -> None:
        super().__init__(message, http_status)
        self.rest = rest


class BadQuery(SourceError):
    """The query is at fault: no other key and no second try would help."""


class BadPageToken(BadQuery):
    """The page token is no longer good: begin again at the first page, the words of the query are not at fault."""


class SourceAway(SourceError):
    """The source failed or asked for patience: try again a little later, with the same key.

    `retry_after` is how many seconds the source asked us to wait, at most 60; None where it said nothing.
    """

    def __init__(self, message: str, http_status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(message, http_status)
        self.retry_after = retry_after


class SourceBlocked(SourceError):
    """The source answers, but not to us: leave it alone for `rest`."""

    rest = timedelta(hours=1)
