"""Keep stored data of YouTube's API no older than its terms allow, 30 days: request it again, or erase it.

Videos that only Invidious described are not refreshed: what it says is no data of YouTube's API.
"""

import logging
import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import MAX_SKEW, Incident
from apps.quota.ledger import Purpose
from apps.videos.fetching import blanking, completing
from apps.videos.models import Video, VideoTotal
from core.youtube_api import PAGE_SIZE

logger = logging.getLogger(__name__)

# How often refresh() is called.
EVERY: Final = timedelta(seconds=settings.CELERY_BEAT_SCHEDULE["chore-refresh-videos"]["schedule"])

# Data this old is a problem of which the admin is notified, and so long before any is erased: after an upgrade, or if
# Windhover did not run, old data is refreshed first.
LATE_AFTER: Final = timedelta(days=26)
NOTICE: Final = timedelta(days=3)

# More videos that are due are not counted for a report.
MOST_COUNTED: Final = 1000

# Videos of one transaction, and seconds between two, as in hiding.py.
CHUNK: Final = 500
INTERVAL: Final = 0.11


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """How old the data of stored videos is.

    `due` is how many of these `videos` are to be refreshed now, counted up to MOST_COUNTED. `oldest_at` is when the
    oldest data was given; None: there is none. `erased_from` is when the erasure of data that cannot be refreshed
    begins, if that is near.
    """

    videos: int
    due: int
    oldest_at: datetime | None
    erased_from: datetime | None

    @property
    def due_is_exact(self) -> bool:
        return self.due < MOST_COUNTED

    @property
    def next_due_at(self) -> datetime | None:
        return self.oldest_at and self.oldest_at + Video.REFRESH_AFTER


def refresh(deadline: float = math.inf) -> None:
    """Refresh the oldest data, a portion of what is to be refreshed in a day, and erase what is too old.

    It stops after `deadline` (of time.monotonic()); the next call continues.
    """
    now = timezone.now()
    # The clock was ahead: what was given then would not be due for long.
    in_future = Video.objects.filter(live_state__in=Video.LiveState.values, completed_at__gt=now + MAX_SKEW)
    if in_future.exists():
        in_future.update(completed_at=now - Video.REFRESH_AFTER)
    if ids := Video.objects.to_refresh(now, _portion(now)):
        completing.update_stored(ids, Purpose.REFRESH)
    _sync_incident()
    if (begins := _erased_from()) and begins <= now and not incidents.is_open(Incident.Kind.CLOCKS_DIFFER):
        _blank_outdated(now - Video.BLANK_AFTER, deadline)


def report() -> RefreshReport:
    """Return how old the data of stored videos is; nine short queries."""
    now = timezone.now()
    completed = Video.objects.filter(completed_at__isnull=False).order_by("completed_at")
    # By state, because the index starts with it.
    oldest = [completed.filter(live_state=state).first() for state in Video.LiveState.values]
    given_at = [video.completed_at for video in oldest if video and video.completed_at]
    until_now = Video.objects.found_incomplete_before(now + timedelta(seconds=1))
    if incomplete := until_now.order_by("created_at").first():
        given_at.append(incomplete.updated_at)
    due = Video.objects.completed_before(now - Video.REFRESH_AFTER)[:MOST_COUNTED].count()
    return RefreshReport(VideoTotal.current(), due, min(given_at, default=None), _erased_from())


def _portion(now: datetime) -> int:
    """Return how many videos to refresh now: twice as many as on average, so that an outage is made up for, or what a
    day needs for all that is due."""
    average = VideoTotal.current() * (EVERY / Video.REFRESH_AFTER)
    due = Video.objects.completed_before(now - Video.REFRESH_AFTER).count() * (EVERY / timedelta(days=1))
    return max(PAGE_SIZE, math.ceil(2 * average), math.ceil(due))


def _sync_incident() -> None:
    late = timezone.now() - LATE_AFTER
    if not (Video.objects.completed_before(late).exists() or Video.objects.found_incomplete_before(late).exists()):
        incidents.close(Incident.Kind.DATA_NOT_REFRESHED)
    elif not incidents.is_open(Incident.Kind.DATA_NOT_REFRESHED):
        message = (
            f"What YouTube said of some videos is older than {LATE_AFTER.days} days and has not been refreshed. "
            f"Its terms allow keeping it for 30 days, so from {timezone.now() + NOTICE:%-d %B} on it is erased, until "
            "a key with units left works. The videos stay, without title, description and channel."
        )
        incidents.open(Incident.Kind.DATA_NOT_REFRESHED, message)


def _erased_from() -> datetime | None:
    opened = Incident.objects.open().filter(kind=Incident.Kind.DATA_NOT_REFRESHED)
    opened_at = opened.values_list("opened_at", flat=True).first()
    return opened_at and opened_at + NOTICE


def _blank_outdated(end: datetime, deadline: float) -> None:
    """Erase YouTube's data that is older than `end`, in short transactions."""
    erased = 0
    for outdated in (Video.objects.completed_before(end), Video.objects.found_incomplete_before(end)):
        while ids := list(outdated.values_list("pk", flat=True)[:CHUNK]):
            blanking.blank(outdated.filter(pk__in=ids))
            erased += len(ids)
            if time.monotonic() > deadline:
                break
            time.sleep(INTERVAL)
    if erased:
        logger.warning("data of %d videos erased, which could not be refreshed in time", erased)
