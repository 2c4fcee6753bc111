"""One fetch, from claim to release: the main story of Windhover."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.quota.ledger import Purpose
from apps.quota.spending import NothingLeft, Purse
from apps.videos import rates, searching, storing
from apps.videos.models import KeyWordEntry, SearchGap, VideoFetchMethod, VideoLog, keywords_changed
from core.errors import BadQuery, ProjectSuspended, SourceError
from core.found_video import FoundVideo
from core.log_lines import in_fetch

logger = logging.getLogger(__name__)

# While no key may be used before a person acts, the keywords look so often whether that has happened; it costs
# nothing, and what the person has done should not have to wait.
LOOK_AGAIN = timedelta(minutes=15)

_PURPOSES = {
    VideoLog.Trigger.SCHEDULE: Purpose.SCHEDULE,
    VideoLog.Trigger.FIRST: Purpose.PERSON,
    VideoLog.Trigger.MANUAL: Purpose.PERSON,
    VideoLog.Trigger.PREVIEW: Purpose.PERSON,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a fetch ended: what its log says of it, what changes at the keyword, and its gaps as they are now."""

    log: dict[str, Any]
    keyword: dict[str, Any] = field(default_factory=dict)
    gaps: Sequence[SearchGap] = ()


def fetch_keyword(entry: KeyWordEntry, trigger: VideoLog.Trigger, log: VideoLog | None = None) -> VideoLog | None:
    """Fetch `entry` once and return the closed log; None if it was not due or somebody else is fetching it.

    `log` is the row by which a person asked for this fetch, if one did. Whatever happens is in the log: this
    raises nothing but what the database does.
    """
    token = entry.claim(scheduled=trigger in (VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.FIRST))
    if token is None:
        return None
    began, clock = timezone.now(), time.monotonic()
    waited = _was_put_off(entry)
    try:
        log = _open_log(entry, trigger, log)
    except IntegrityError:
        return None  # deleted and erased since the claim
    if log is None:
        entry.release(token)
        return None  # another worker has done what this message asks for
    trigger = VideoLog.Trigger(log.trigger)
    with in_fetch(log.pk):
        told = VideoLog.objects.filter(pk=log.pk)
        purse = searching.new_purse(lambda purse: told.update(searches=purse.searches, units=purse.units))
        outcome = _fetch(entry, token, trigger, began, purse)
        costs = {"searches": purse.searches, "units": purse.units, "duration": round(time.monotonic() - clock, 3)}
        with transaction.atomic():
            # Read now, and locked: the plan may have changed since the claim, and be about to change again.
            planned = next(iter(KeyWordEntry.objects.filter(pk=entry.pk).lock()), entry)
            _close_log(log, outcome.log | costs)
            next_due_at = planned.due_after(began, waited=waited)
            fetched = {} if log.status == VideoLog.Status.WAITING else {"last_fetched_at": began}
            released = entry.release(token, **{"next_due_at": next_due_at} | fetched | outcome.keyword)
            if released:
                _keep(outcome.gaps)
        if "bad_query" in outcome.keyword:
            keywords_changed.send(KeyWordEntry)
        logger.info("keyword %s, %s: %s. %s", entry.pk, trigger.label, log.status, log.message)
    return log


def _fetch(entry: KeyWordEntry, token: str, trigger: VideoLog.Trigger, began: datetime, purse: Purse) -> Outcome:
    """Search, complete, store; every way in which that can end is an Outcome."""
    look_again = {"next_due_at": began + min(timedelta(seconds=entry.planned_interval), LOOK_AGAIN)}
    try:
        search = searching.search(entry, purse, _PURPOSES[trigger])
        stored = _store(entry, token, searching.complete(search.videos, purse), search.method)
    except NothingLeft as nothing:
        failed = {"status": VideoLog.Status.FAILED, "error": "NothingLeft", "message": str(nothing)}
        if nothing.until is None:
            return Outcome(failed, look_again)
        waits = {"status": VideoLog.Status.WAITING, "waiting_until": nothing.until}
        return Outcome(failed | waits, {"next_due_at": entry.after_pause(nothing.until)})
    except SourceError as error:
        log = {"status": VideoLog.Status.FAILED, "error": type(error).__name__, "message": str(error)}
        changes: dict[str, Any] = {}
        if isinstance(error, BadQuery):
            # No second try would help: nothing more is spent on it before a person has edited it.
            changes = {"bad_query": str(error)}
        elif isinstance(error, ProjectSuspended):
            changes = look_again
        return Outcome(log | {"http_status": error.http_status}, changes)
    except storing.ClaimLost:
        message = "The keyword was deleted, or another worker took over."
        return Outcome({"status": VideoLog.Status.INTERRUPTED, "message": message})
    except Exception as error:  # whatever it is, it must be seen in the log and not stop the schedule
        logger.exception("keyword %s could not be fetched", entry.pk)
        message = "Something unexpected went wrong; the worker's log has the details under this fetch's number."
        return Outcome({"status": VideoLog.Status.FAILED, "error": type(error).__name__, "message": message})

    done = {"status": VideoLog.Status.DONE, "error": "", "method": search.method, "message": _story(search, stored)}
    covered = {"searched_through": began, "rate": rates.measure(entry, began)} if search.covers else {}
    accepted = {"bad_query": ""} if entry.bad_query and search.covers else {}
    return Outcome(done | {"number_found": stored.found, "number_added": stored.added}, covered | accepted, search.gaps)


def _was_put_off(entry: KeyWordEntry) -> bool:
    """Tell whether the keyword has waited for a pause to end."""
    last = entry.logs.newest_first().first()
    return last is not None and last.status == VideoLog.Status.WAITING and last.waiting_until is not None


def _open_log(entry: KeyWordEntry, trigger: VideoLog.Trigger, log: VideoLog | None) -> VideoLog | None:
    """Open this fetch's log. We hold the claim, so a row that still runs belongs to a fetch that died.

    Whoever comes first does what a person has asked for; None if that is done already.
    """
    if log and not VideoLog.objects.filter(pk=log.pk, status=VideoLog.Status.WAITING).exists():
        return None
    entry.logs.end_dead()
    asked_for = entry.logs.filter(trigger=VideoLog.Trigger.MANUAL, status=VideoLog.Status.WAITING)
    log = log or asked_for.order_by("created_at").first()
    log = log or VideoLog(keyword=entry, keyword_text=entry.keyword, trigger=trigger)
    log.status, log.message, log.created_at = VideoLog.Status.RUNNING, "", timezone.now()
    log.searches = log.units = 0
    log.save()
    return log


def _keep(gaps: Sequence[SearchGap]) -> None:
    """Write gaps as they are now; those that are closed go."""
    for gap in gaps:
        if gap.before > gap.after:
            gap.save()
        elif gap.pk:
            gap.delete()


def _store(entry: KeyWordEntry, token: str, videos: Sequence[FoundVideo], method: VideoFetchMethod) -> storing.Stored:
    try:
        return storing.store(entry, token, videos, method)
    except IntegrityError:
        # Somebody wrote around storing.py at the same moment; the second time their rows are there to be seen.
        return storing.store(entry, token, videos, method)


def _close_log(log: VideoLog, outcome: dict[str, Any]) -> None:
    """Write the log's end; a pause that this keyword's log already tells of is not told again, unless to a person
    who asked."""
    for name, value in outcome.items():
        setattr(log, name, value)
    if log.trigger != VideoLog.Trigger.MANUAL and _is_told(log):
        log.delete()
    else:
        # Not the keyword: it may have been erased meanwhile.
        log.save(update_fields=outcome)


def _is_told(log: VideoLog) -> bool:
    """Tell whether the keyword's log already says that it waits, for the same moment or the same person's help."""
    if log.searches:
        return False
    last = VideoLog.objects.filter(keyword=log.keyword_id).exclude(pk=log.pk).newest_first().first()
    if last is None or last.status != log.status:
        return False
    if log.status == VideoLog.Status.WAITING:
        return last.waiting_until == log.waiting_until
    return log.error in VideoLog.UNTIL_A_PERSON_ACTS and (last.error, last.message) == (log.error, log.message)


def _story(search: searching.Search, stored: storing.Stored) -> str:
    """Tell in plain words what a fetch brought."""
    source = VideoFetchMethod(search.method).label
    parts = [f"{source}: {stored.found} found, {stored.added} new."]
    for gap in search.gaps:
        if gap.before > gap.after and not gap.late:
            stretch = f"{gap.after:%-d %b %H:%M} to {gap.before:%-d %b %H:%M} UTC"
            parts.append(f"Pages were full: what was published from {stretch} follows as searches are left over.")
    return " ".join([*parts, search.note]).strip()
