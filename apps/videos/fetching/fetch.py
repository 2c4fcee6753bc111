"""One fetch of a keyword, from claim to release: the steps, in order."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django import db
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota.errors import NoKeyAvailable
from apps.quota.ledger import Purpose
from apps.quota.youtube import YouTube
from apps.videos.fetching import claims, completing, failing, refused, searching, storing
from apps.videos.fetching.gaps import Gap
from apps.videos.fetching.reconnecting import reconnecting
from apps.videos.fetching.refused import Refusal
from apps.videos.fetching.searching import SearchResult
from apps.videos.models import KeyWordEntry, SearchGap, VideoFetchMethod, VideoLog, keywords_changed
from apps.videos.scheduling import rates
from core.errors import BadQuery, ProjectSuspended, SourceError, SourceUnavailable
from core.found_video import FoundVideo
from core.log_lines import first_line, in_fetch

logger = logging.getLogger(__name__)

# While no key can be used until a person acts, keywords are tried this often: these attempts use no quota.
RETRY_AFTER = timedelta(minutes=15)

_PURPOSES = {
    VideoLog.Trigger.SCHEDULE: Purpose.SCHEDULE,
    VideoLog.Trigger.FIRST: Purpose.MANUAL,
    VideoLog.Trigger.MANUAL: Purpose.MANUAL,
    VideoLog.Trigger.PREVIEW: Purpose.MANUAL,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a fetch ended. The first fields are those of its log; the others say which fields of the keyword change."""

    status: VideoLog.Status
    message: str
    error_code: str = ""
    http_status: int | None = None
    method: str = ""
    number_found: int = 0
    number_added: int = 0
    waiting_until: datetime | None = None

    next_due_at: datetime | None = None  # None: by the keyword's interval
    rate: float | None = None
    through: datetime | None = None  # up to when it searched; None: the search did not cover its dates
    gaps: Sequence[Gap] | None = None  # None: unchanged
    accepted: bool = False  # YouTube accepted the query
    refusal: Refusal | None = None

    @property
    def for_log(self) -> dict[str, Any]:
        names = ["status", "message", "error_code", "http_status", "method", "number_found", "number_added"]
        return {name: getattr(self, name) for name in [*names, "waiting_until"]}


def fetch_keyword(entry: KeyWordEntry, trigger: VideoLog.Trigger, log: VideoLog | None = None) -> VideoLog | None:
    """Fetch `entry` once and return the closed log; None if it was not due or another worker is fetching it.

    `log` is the row of a manual fetch. All errors are recorded in the log, except database errors while it
    is opened or closed.
    """
    token = entry.claim(scheduled=trigger in (VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.FIRST))
    if token is None:
        return None
    started_at, started_clock = timezone.now(), time.monotonic()
    was_waiting = _was_waiting(entry)
    try:
        log = _open_log(entry, trigger, log)
    except IntegrityError:
        return None  # deleted and erased since the claim
    if log is None:
        entry.release(token)
        return None  # another worker has already done the manual fetch
    with in_fetch(log.pk), claims.renewed(entry, token):
        youtube = YouTube(on_spend=log.record_usage)
        outcome = _fetch(entry, token, log, started_at, youtube)

        def end() -> None:
            with transaction.atomic():
                # The plan may have changed since the claim. An entry that was deleted stays as it was.
                planned = KeyWordEntry.objects.select_for_update(no_key=True).filter(pk=entry.pk).first() or entry
                _close_log(log, outcome, youtube, round(time.monotonic() - started_clock, 3))
                if entry.release(token, **_changes(planned, outcome, started_at, was_waiting)):
                    _save_gaps(entry, outcome.gaps)

        reconnecting(end)
        failing.sync_incident(entry)
        if outcome.refusal or (outcome.accepted and entry.refused_since):
            keywords_changed.send(KeyWordEntry, keyword_ids=[entry.pk])
        logger.info("keyword %s, %s: %s. %s", entry.pk, log.trigger, log.status, log.message)
    return log


def _was_waiting(entry: KeyWordEntry) -> bool:
    """Return whether the keyword's last fetch was postponed to the end of a pause."""
    last = entry.logs.newest_first().first()
    return last is not None and last.status == VideoLog.Status.WAITING and last.waiting_until is not None


def _open_log(entry: KeyWordEntry, trigger: VideoLog.Trigger, log: VideoLog | None) -> VideoLog | None:
    """Open this fetch's log; return None if `log` was handled by another worker.

    A pending manual fetch is done by whichever fetch comes first. This worker holds the claim, so a log that is still
    running belongs to a fetch that died.
    """
    if log and not VideoLog.objects.filter(pk=log.pk, status=VideoLog.Status.WAITING).exists():
        return None
    entry.logs.close_abandoned()
    manual = entry.logs.filter(trigger=VideoLog.Trigger.MANUAL, status=VideoLog.Status.WAITING)
    log = log or manual.order_by("created_at").first()
    log = log or VideoLog(keyword=entry, keyword_text=entry.keyword, trigger=trigger)
    log.status, log.message, log.created_at = VideoLog.Status.RUNNING, "", timezone.now()
    log.searches = log.units = 0
    log.save()
    return log


def _fetch(entry: KeyWordEntry, token: str, log: VideoLog, started_at: datetime, youtube: YouTube) -> Outcome:
    """Search (which also closes gaps), complete and store; return how it ended, whatever happened."""
    soon = started_at + min(timedelta(seconds=entry.planned_interval), RETRY_AFTER)
    try:
        search = searching.search(entry, youtube, _PURPOSES[VideoLog.Trigger(log.trigger)])
        videos = completing.complete(search.videos, youtube)
        stored = reconnecting(lambda: _store(entry, token, videos, search.method))
    except NoKeyAvailable as error:
        if error.until is None or log.trigger == VideoLog.Trigger.PREVIEW:
            return Outcome(VideoLog.Status.FAILED, str(error), error.code, next_due_at=soon)
        return Outcome(
            VideoLog.Status.WAITING,
            str(error),
            error.code,
            waiting_until=error.until,
            next_due_at=entry.after_pause(error.until),
        )
    except BadQuery as error:
        return _refused(entry, error, started_at)
    except SourceError as error:
        next_due_at = soon if isinstance(error, ProjectSuspended) else None
        return Outcome(VideoLog.Status.FAILED, str(error), error.code, error.http_status, next_due_at=next_due_at)
    except storing.ClaimLost:
        return Outcome(VideoLog.Status.INTERRUPTED, "The keyword was deleted, or another worker took over.")
    except SoftTimeLimitExceeded:
        message = "The fetch took too long and was stopped."
        return Outcome(VideoLog.Status.FAILED, message, VideoLog.TIME_LIMIT)
    except db.Error as error:
        logger.exception("keyword %s could not be fetched", entry.pk)
        return Outcome(VideoLog.Status.FAILED, f"The database failed: {first_line(error)}.", VideoLog.DATABASE_ERROR)
    except Exception:  # it must be visible in the log and must not stop the schedule
        logger.exception("keyword %s could not be fetched", entry.pk)
        message = f"Unexpected error. The worker's log has the details: search it for “fetch {log.pk}”."
        return Outcome(VideoLog.Status.FAILED, message, VideoLog.INTERNAL_ERROR)
    covered = search.gaps is not None
    return Outcome(
        VideoLog.Status.DONE,
        _summary(search, stored, sum(video.ignored for video in videos)),
        method=search.method,
        number_found=stored.found,
        number_added=stored.added,
        rate=rates.measure(entry, started_at) if covered else None,
        through=search.through,
        gaps=search.gaps,
        accepted=covered,
    )


def _store(entry: KeyWordEntry, token: str, videos: Sequence[FoundVideo], method: VideoFetchMethod) -> storing.Stored:
    try:
        return storing.store(entry, token, videos, method)
    except IntegrityError:
        # Something else inserted rows at the same moment; the second attempt sees them.
        return storing.store(entry, token, videos, method)


def _summary(search: SearchResult, stored: storing.Stored, ignored: int) -> str:
    """Return the log's message: what was found, what was implausible, and what remains to be searched."""
    parts = [f"{search.method.label}: {stored.found} found, {stored.added} new."]
    if ignored:
        parts.append(f"{ignored} implausible value{'s' if ignored > 1 else ''} ignored.")
    for gap in search.gaps or []:
        if not gap.late:
            dates = f"{gap.after:%-d %b %H:%M} to {gap.before:%-d %b %H:%M} UTC"
            parts.append(f"Not searched yet: {dates}, because pages were full. Searched when quota allows.")
    if search.unlisted:
        parts.append(
            f"More videos are published than the searches can list: about {search.unlisted:,} per hour are missed."
        )
    return " ".join([*parts, search.note]).strip()


def _refused(entry: KeyWordEntry, error: BadQuery, now: datetime) -> Outcome:
    refusal = refused.assess(entry, str(error), now)
    if refusal.retry_after is None:
        message = f"YouTube refuses the queries of several keywords. {error}"
        incidents.open(Incident.Kind.YOUTUBE_UNAVAILABLE, message, subject="search")
        code = SourceUnavailable.code
        return Outcome(VideoLog.Status.FAILED, message, code, error.http_status, refusal=refusal)
    due = now + max(refusal.retry_after, timedelta(seconds=entry.planned_interval))
    return Outcome(VideoLog.Status.FAILED, str(error), error.code, error.http_status, next_due_at=due, refusal=refusal)


def _close_log(log: VideoLog, outcome: Outcome, youtube: YouTube, duration: float) -> None:
    """Write the log's end, unless the keyword's last log already says that it waits for the same."""
    used = {"searches": youtube.searches, "units": youtube.units, "duration": duration}
    changes = outcome.for_log | used
    for name, value in changes.items():
        setattr(log, name, value)
    if log.trigger not in VideoLog.REQUESTED and _is_repeated(log):
        VideoLog.objects.filter(pk=log.pk).delete()  # not its object, whose id a repetition needs
    else:
        log.save(update_fields=changes)  # not `keyword`: it may have been erased since


def _is_repeated(log: VideoLog) -> bool:
    """Return whether the keyword's previous log waits for the same moment, or for the same person's action."""
    if log.searches:
        return False
    last = VideoLog.objects.filter(keyword=log.keyword_id).exclude(pk=log.pk).newest_first().first()
    if last is None or last.status != log.status:
        return False
    if log.status == VideoLog.Status.WAITING:
        return last.waiting_until == log.waiting_until
    same = (last.error_code, last.message) == (log.error_code, log.message)
    return log.error_code in VideoLog.NEEDS_PERSON and same


def _changes(planned: KeyWordEntry, outcome: Outcome, started_at: datetime, was_waiting: bool) -> dict[str, Any]:
    """Return which fields of the keyword, whose row is now `planned`, change, and their values."""
    due = outcome.next_due_at or planned.due_after(started_at, was_waiting=was_waiting)
    changes: dict[str, Any] = {"next_due_at": due, "last_status": outcome.status}
    if outcome.status != VideoLog.Status.WAITING:
        changes["last_fetched_at"] = started_at
    if outcome.status == VideoLog.Status.DONE and planned.notify != KeyWordEntry.Notify.OFF:
        # What the first fetch found is not new. A later date was recorded before the clock was set back.
        changes["notify_since"] = min(planned.notify_since or started_at, started_at)
    if outcome.rate is not None:
        changes |= {"searched_through": outcome.through, "rate": outcome.rate}
    if outcome.refusal:
        changes |= {"refused_since": outcome.refusal.since, "bad_query": outcome.refusal.bad_query}
    elif outcome.accepted:
        changes |= {"refused_since": None, "bad_query": ""}
    return changes


def _save_gaps(entry: KeyWordEntry, gaps: Sequence[Gap] | None) -> None:
    if gaps is not None and {gap.value for gap in entry.gaps.all()} != set(gaps):
        entry.gaps.all().delete()
        SearchGap.objects.bulk_create(
            SearchGap(keyword=entry, after=gap.after, before=gap.before, late=gap.late) for gap in gaps
        )
