"""The YouTube client of everything above: it picks the key, reserves the call, retries, and counts what was used."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.incidents.retrying import retry_unavailable
from apps.quota import keys, ledger, pacific
from apps.quota.errors import KeysCoolingDown, NoKeyAvailable, NoUsableKey, QuotaExhausted
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey
from core import youtube_api
from core.errors import (
    Bucket,
    BucketExhausted,
    KeyCoolingDown,
    KeyRefused,
    ProjectSuspended,
    SourceBlocked,
    SourceError,
    SourceUnavailable,
)
from core.found_video import FoundVideo
from core.youtube_api import SearchPage

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

# Seconds after which a fetch, or a chore that completes videos, begins no further call, except the one to Invidious
# after YouTube did not answer. Together with the duration of these last calls it stays below Celery's time limit for a
# task.
WORK_SECONDS = 40.0

# The cooldown of a key when the server that answers is not YouTube.
BLOCKED_COOLDOWN = timedelta(minutes=15)

# The largest difference assumed between YouTube's clock and ours.
RESET_SKEW = timedelta(minutes=5)


_USED_UP: dict[Bucket, Incident.Kind] = {
    "search": Incident.Kind.SEARCHES_USED_UP,
    "general": Incident.Kind.UNITS_USED_UP,
}


@dataclass(slots=True)
class YouTube:
    """The YouTube Data API for one fetch, or one run of a chore, within today's quota.

    No call begins after `deadline` (of time.monotonic()). `searches` and `units` are what was used so far; `on_spend`
    is called with the client each time they grow, before the call, so that the cost is known if the worker dies.

    Both methods raise NoKeyAvailable, ProjectSuspended, BadQuery, BadPageToken or SourceUnavailable.
    """

    deadline: float = field(default_factory=lambda: time.monotonic() + WORK_SECONDS)
    on_spend: Callable[["YouTube"], object] = lambda youtube: None
    searches: int = 0
    units: int = 0

    def search(
        self,
        query: str,
        purpose: Purpose,
        *,
        published_after: datetime | None = None,
        published_before: datetime | None = None,
        page_token: str | None = None,
    ) -> SearchPage:
        """Return a page of the newest videos that match `query`; one search for each attempt."""
        return self._call(
            "search",
            purpose,
            youtube_api.search_videos,
            query,
            endpoint=settings.YOUTUBE_API_URL,
            thumbnail_origins=settings.THUMBNAIL_ORIGINS,
            published_after=published_after,
            published_before=published_before,
            page_token=page_token,
        )

    def list_videos(self, video_ids: Iterable[str], purpose: Purpose = Purpose.SCHEDULE) -> list[FoundVideo]:
        """Return the full data of at most 50 videos; one unit for each attempt."""
        return self._call(
            "general",
            purpose,
            youtube_api.list_videos,
            video_ids,
            endpoint=settings.YOUTUBE_API_URL,
            thumbnail_origins=settings.THUMBNAIL_ORIGINS,
        )

    def _call(
        self,
        bucket: Bucket,
        purpose: Purpose,
        function: Callable[Concatenate[str, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return `function(key, ...)` for the first key that YouTube accepts and whose project has quota left."""
        for key, secret in keys.usable():
            if time.monotonic() > self.deadline:
                raise SourceUnavailable("YouTube took too long to answer.")
            reserve = partial(self._reserve, key, bucket, purpose)
            if not reserve():
                continue
            retrying = retry_unavailable(
                Incident.Kind.YOUTUBE_UNAVAILABLE, subject=bucket, deadline=self.deadline, reserve=reserve
            )
            called_at = timezone.now()
            try:
                result = retrying(function, secret, *args, **kwargs)
            except (BucketExhausted, KeyRefused, KeyCoolingDown, SourceBlocked) as error:
                if self._record_refusal(key, bucket, called_at, error):
                    # Start again: the keys' projects have changed.
                    return self._call(bucket, purpose, function, *args, **kwargs)
                incidents.close(Incident.Kind.YOUTUBE_UNAVAILABLE, subject=bucket)
            else:
                if key.state == ApiKey.State.COOLING_DOWN:
                    keys.end_cooldown(key)
                incidents.close(Incident.Kind.YOUTUBE_UNAVAILABLE, subject=bucket)
                incidents.close(Incident.Kind.KEYS_COOLING_DOWN if bucket == "search" else Incident.Kind.UNITS_USED_UP)
                return result
        raise _no_key_available(bucket, purpose)

    def _reserve(self, key: ApiKey, bucket: Bucket, purpose: Purpose) -> bool:
        # Another worker may have recorded in the meantime which project the key belongs to.
        project = ApiKey.objects.filter(pk=key.pk).values_list("project", flat=True).first()
        if project is None:
            return False
        key.project = project
        if not ledger.reserve(project, bucket, purpose, key.fingerprint):
            return False
        if bucket == "search":
            self.searches += 1
        else:
            self.units += 1
        self.on_spend(self)
        return True

    @staticmethod
    def _record_refusal(key: ApiKey, bucket: Bucket, called_at: datetime, error: SourceError) -> bool:
        """Record that `key` was refused; return whether the keys must be looked up again before the next is tried.

        Raises ProjectSuspended, because then no other key may be used.
        """
        logger.warning("%s: %s", key.label, error)
        match error:
            case BucketExhausted():
                if timezone.now() - pacific.start_of(pacific.day_of(called_at)) < RESET_SKEW:
                    # By YouTube's clock it may still be yesterday, so do not wait until the next reset.
                    keys.cool_down(key, str(error), RESET_SKEW)
                    return False
                # An older API calls its search bucket "quota": the bucket of this call is used up in any case.
                for exhausted in {bucket, error.bucket}:
                    ledger.mark_exhausted(key.project, exhausted, called_at)
                # Other keys may turn out to belong to the same project.
                return keys.record_consumer(key, error.consumer)
            case ProjectSuspended():
                keys.suspend(key.project, str(error))
                raise error
            case KeyRefused():
                keys.refuse(key, str(error))
            case KeyCoolingDown():
                keys.cool_down(key, str(error), error.cooldown)
            case SourceBlocked():
                # Neither this key nor the next is at fault: another server answers in YouTube's place.
                keys.cool_down(key, str(error), BLOCKED_COOLDOWN)
        return False


def _no_key_available(bucket: Bucket, purpose: Purpose) -> NoKeyAvailable | ProjectSuspended:
    """Return the error that says why no key could make the call, and open an incident if everything waits for that."""
    error = _why_no_key(bucket, purpose)
    if isinstance(error, NoKeyAvailable) and error.until and purpose not in (Purpose.GAP, Purpose.REFRESH):
        kind = Incident.Kind.KEYS_COOLING_DOWN if isinstance(error, KeysCoolingDown) else _USED_UP[bucket]
        incidents.open(kind, str(error), until=error.until)
    return error


def _why_no_key(bucket: Bucket, purpose: Purpose) -> NoKeyAvailable | ProjectSuspended:
    if not settings.YT_KEYS:
        return NoUsableKey("No YouTube API key is configured (YT_KEYS).")
    now = timezone.now()
    rows = list(ApiKey.objects.all())
    if keys.is_suspended(rows):
        message = "YouTube has suspended a project. No key is used until its keys are removed from YT_KEYS."
        return ProjectSuspended(message, "CONSUMER_SUSPENDED", 403)
    if all(key.state == ApiKey.State.REFUSED for key in rows):
        return NoUsableKey("YouTube refuses every configured API key.")
    # A key whose cooldown is over but whose project has no quota left keeps its state; there is no point in waiting.
    waits = [
        key.cooling_down_until
        for key in rows
        if key.cooling_down_until and ledger.has_quota_left(key.project, bucket, purpose)
    ]
    if waits:
        reasons = {key.reason for key in rows if key.cooling_down_until and key.cooling_down_until > now}
        message = f"{Incident.Kind.KEYS_COOLING_DOWN.label}. {' '.join(sorted(reasons))}".strip()
        return KeysCoolingDown(message, min(*waits, pacific.next_reset(now)))
    if purpose is Purpose.REFRESH:
        return QuotaExhausted("The units that refreshing may use by now are used up.", pacific.next_reset(now))
    message = f"{_USED_UP[bucket].label}."
    if purpose is not Purpose.MANUAL and any(
        ledger.has_quota_left(key.project, bucket, Purpose.MANUAL) for key in rows
    ):
        message += " The remaining searches are kept for manual and first fetches."
    return QuotaExhausted(message, pacific.next_reset(now))
