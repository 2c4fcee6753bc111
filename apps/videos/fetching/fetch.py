"""One fetch, from claim to release: the steps, in order.

It is for one keyword or, on schedule, for all free ones of its group. Then they are searched for together, and what is
found is attributed to them.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from celery.exceptions import SoftTimeLimitExceeded
from django import db
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.quota.errors import NoKeyAvailable
from apps.quota.ledger import Purpose
from apps.quota.youtube import YouTube
from apps.videos.fetching import claims, completing, failing, outcomes, searching, sharing, storing
from apps.videos.fetching.gaps import Gap
from apps.videos.fetching.outcomes import Outcome
from apps.videos.fetching.reconnecting import reconnecting
from apps.videos.fetching.sharing import Claim
from apps.videos.models import KeyWordEntry, SearchGap, VideoFetchMethod, VideoLog, keywords_changed
from core.errors import BadQuery, SourceError
from core.found_video import FoundVideo
from core.log_lines import first_line, in_fetch

logger = logging.getLogger(__name__)

_PURPOSES = {
    VideoLog.Trigger.SCHEDULE: Purpose.SCHEDULE,
    VideoLog.Trigger.AUDIT: Purpose.SCHEDULE,
    VideoLog.Trigger.FIRST: Purpose.MANUAL,
    VideoLog.Trigger.MANUAL: Purpose.MANUAL,
    VideoLog.Trigger.PREVIEW: Purpose.MANUAL,
}


def fetch_keyword(entry: KeyWordEntry, trigger: VideoLog.Trigger, log: VideoLog | None = None) -> VideoLog | None:
    """Fetch `entry` once and return the closed log; None if it was not due or another worker is fetching it.

    On schedule, the free keywords of its group are fetched by the same search; each has a log of its own. `log` is the
    row of a manual fetch. All errors are recorded in the logs, except database errors while they are opened or closed.
    """
    claim = sharing.claim(entry, trigger)
    if claim is None:
        return None
    started_at, started_clock = timezone.now(), time.monotonic()
    was_waiting = _was_waiting(entry)
    try:
        logs = _open_logs(claim, trigger, log)
    except IntegrityError:
        logs = {}  # a keyword was deleted and erased since the claim
    if not logs:
        claim.release()
        return None  # or another worker has already done the manual fetch
    log = logs[entry.pk]
    with in_fetch(log.pk), claims.renewed(entry.pk, claim.renew):
        youtube = YouTube(on_spend=log.record_usage)
        ended = _fetch(claim, log, started_at, youtube)

        def end() -> None:
            with transaction.atomic():
                # The plan may have changed since the claim. An entry that was deleted stays as it was.
                planned = {one.pk: one for one in KeyWordEntry.objects.filter(pk__in=ended).lock()}
                due_at = planned.get(entry.pk, entry).due_after(started_at, was_waiting=was_waiting)
                for one in claim.entries:
                    outcome, usage = ended[one.pk], youtube if one == entry else None
                    _close_log(logs[one.pk], outcome, usage, round(time.monotonic() - started_clock, 3))
                    changes = outcome.changes(planned.get(one.pk, one), trigger, started_at, due_at)
                    if not one.release(claim.token, **changes):
                        planned.pop(one.pk, None)
                    elif outcome.check:
                        sharing.record_check(one, outcome.check, started_at)
                _save_gaps({pk: ended[pk].gaps for pk in planned})

        reconnecting(end)
        failing.sync_incidents({one: ended[one.pk].error_code for one in claim.entries})
        if changed := [one.pk for one in claim.entries if _is_planned_anew(one, ended[one.pk])]:
            keywords_changed.send(KeyWordEntry, keyword_ids=changed)
        for pk, outcome in ended.items():
            logger.info("keyword %s, %s: %s. %s", pk, logs[pk].trigger, outcome.status, outcome.message)
    return log


def _was_waiting(entry: KeyWordEntry) -> bool:
    """Return whether the keyword's last fetch was postponed to the end of a pause."""
    last = entry.logs.newest_first().first()
    return last is not None and last.status == VideoLog.Status.WAITING and last.waiting_until is not None


def _open_logs(claim: Claim, trigger: VideoLog.Trigger, log: VideoLog | None) -> dict[int, VideoLog]:
    """Open this fetch's logs, by keyword; return none if `log` was handled by another worker.

    The first one counts the searches, and the others refer to it. A pending manual fetch is done by whichever fetch
    comes first. This worker holds the claims, so logs that are still running belong to fetches that died.
    """
    if log and not VideoLog.objects.filter(pk=log.pk, status=VideoLog.Status.WAITING).exists():
        return {}
    entry, *others = claim.entries
    VideoLog.objects.filter(keyword__in=claim.entries).close_abandoned()
    manual = entry.logs.filter(trigger=VideoLog.Trigger.MANUAL, status=VideoLog.Status.WAITING)
    log = log or manual.order_by("created_at").first()
    log = log or VideoLog(keyword=entry, keyword_text=entry.keyword, trigger=trigger)
    log.status, log.message, log.created_at = VideoLog.Status.RUNNING, "", timezone.now()
    log.searches = log.units = 0
    with transaction.atomic():
        log.save()
        shared = [
            VideoLog(keyword=one, keyword_text=one.keyword, trigger=trigger, shared_with=log, created_at=log.created_at)
            for one in others
        ]
        VideoLog.objects.bulk_create(shared)
    return {one.pk: opened for one, opened in zip(claim.entries, [log, *shared], strict=True)}


def _fetch(claim: Claim, log: VideoLog, started_at: datetime, youtube: YouTube) -> dict[int, Outcome]:
    """Search (which also closes gaps), complete, attribute and store; return how it ended for each keyword, whatever
    happened."""
    entry, entries, trigger = claim.entries[0], claim.entries, VideoLog.Trigger(log.trigger)
    try:
        purpose = Purpose.SCHEDULE if claim.leaves_reserve else _PURPOSES[trigger]
        search = searching.search(entries, youtube, purpose, is_audit=trigger == VideoLog.Trigger.AUDIT)
        videos = completing.complete(search.videos, youtube)
        about = sharing.attribute(entries, videos) if search.is_shared else None
        check = None if search.is_shared else sharing.check(entry, videos, search.gaps)
        stored = reconnecting(lambda: _store(claim, videos, search.method, about))
    except NoKeyAvailable as error:
        return {one.pk: outcomes.postponed(one, error, trigger, started_at) for one in entries}
    except BadQuery as error:
        if not claim.is_shared:
            return {entry.pk: outcomes.query_refused(entry, error, started_at)}
        sharing.halve(entries)
        return {one.pk: outcomes.shared_query_refused(error, started_at) for one in entries}
    except SourceError as error:
        return {one.pk: outcomes.failed(one, error, started_at) for one in entries}
    except storing.ClaimLost:
        return {one.pk: outcomes.lost() for one in entries}
    except SoftTimeLimitExceeded:
        message = "The fetch took too long and was stopped."
        outcome = Outcome(VideoLog.Status.FAILED, message, VideoLog.TIME_LIMIT)
    except (db.OperationalError, db.InterfaceError) as error:  # others are not passing: it refuses what it is given
        logger.exception("keyword %s could not be fetched", entry.pk)
        message = f"The database failed: {first_line(error)}."
        outcome = Outcome(VideoLog.Status.FAILED, message, VideoLog.DATABASE_ERROR)
    except Exception:  # it must be visible in the log and must not stop the schedule
        logger.exception("keyword %s could not be fetched", entry.pk)
        message = f"Unexpected error. The worker's log has the details: search it for “fetch {log.pk}”."
        outcome = Outcome(VideoLog.Status.FAILED, message, VideoLog.INTERNAL_ERROR)
    else:
        ignored = sum(video.ignored for video in videos)
        missing = outcomes.lost() if search.is_shared else outcomes.left_out()
        return {
            one.pk: outcomes.done(one, search, stored[one.pk], ignored, started_at, check)
            if one.pk in stored
            else missing
            for one in entries
        }
    return {one.pk: outcome for one in entries}


def _store(
    claim: Claim, videos: Sequence[FoundVideo], method: VideoFetchMethod, about: Mapping[int, set[str]] | None
) -> dict[int, storing.Stored]:
    """Store the videos for those keywords that they are `about`; None: for the first one, whose search found them."""
    entries = claim.entries if about is not None else claim.entries[:1]
    try:
        return storing.store(entries, claim.token, videos, method, about)
    except IntegrityError:
        # Something else inserted rows at the same moment; the second attempt sees them.
        return storing.store(entries, claim.token, videos, method, about)


def _is_planned_anew(entry: KeyWordEntry, outcome: Outcome) -> bool:
    """Return whether YouTube's view of a keyword's query has changed."""
    is_halved = outcome.error_code == BadQuery.code
    return bool(outcome.refusal or is_halved or (outcome.accepted and entry.refused_since))


def _close_log(log: VideoLog, outcome: Outcome, youtube: YouTube | None, duration: float) -> None:
    """Write the log's end, unless the keyword's last log already says that it waits for the same.

    Of several keywords that were searched for together, only the first one's log counts what `youtube` used.
    """
    used = {"searches": youtube.searches, "units": youtube.units} if youtube else {}
    changes = outcome.for_log | used | {"duration": duration}
    for name, value in changes.items():
        setattr(log, name, value)
    if log.trigger not in VideoLog.REQUESTED and _is_repeated(log):
        VideoLog.objects.filter(pk=log.pk).delete()  # not its object, whose id a repetition needs
    else:
        log.save(update_fields=changes)  # not `keyword`: it may have been erased since


def _is_repeated(log: VideoLog) -> bool:
    """Return whether the keyword's previous log waits for the same moment, or for the same person's action."""
    if log.searches or log.status == VideoLog.Status.DONE:
        return False
    last = VideoLog.objects.filter(keyword=log.keyword_id).exclude(pk=log.pk).newest_first().first()
    if last is None or last.status != log.status:
        return False
    if log.status == VideoLog.Status.WAITING:
        return last.waiting_until == log.waiting_until
    same = (last.error_code, last.message) == (log.error_code, log.message)
    return log.error_code in VideoLog.NEEDS_PERSON and same


def _save_gaps(gaps: Mapping[int, Sequence[Gap] | None]) -> None:
    """Write the gaps of these keywords where they differ; None: unchanged."""
    stored: dict[int, set[Gap]] = {pk: set() for pk, left in gaps.items() if left is not None}
    for gap in SearchGap.objects.filter(keyword__in=stored):
        stored[gap.keyword_id].add(gap.value)
    changed = {pk: gaps[pk] or () for pk, before in stored.items() if before != set(gaps[pk] or ())}
    if changed:
        SearchGap.objects.filter(keyword__in=changed).delete()
        SearchGap.objects.bulk_create(
            SearchGap(keyword_id=pk, after=gap.after, before=gap.before, late=gap.late)
            for pk, left in changed.items()
            for gap in left
        )
