"""How a fetch ended for a keyword: what its log says, and what changes at the keyword."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota.errors import NoKeyAvailable
from apps.videos.fetching import refused
from apps.videos.fetching.gaps import Gap
from apps.videos.fetching.refused import Refusal
from apps.videos.fetching.searching import SearchResult
from apps.videos.fetching.sharing import Check
from apps.videos.fetching.storing import Stored
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import rates
from core.errors import BadQuery, ProjectSuspended, SourceError, SourceUnavailable

# While no key can be used until a person acts, keywords are tried this often: these attempts use no quota.
RETRY_AFTER = timedelta(minutes=15)


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
    rate: float | None = None  # None: unchanged
    through: datetime | None = None  # up to when it searched; None: the search did not cover its dates
    gaps: Sequence[Gap] | None = None  # None: unchanged
    accepted: bool = False  # YouTube accepted the query
    refusal: Refusal | None = None
    check: Check | None = None

    @property
    def for_log(self) -> dict[str, Any]:
        names = ["status", "message", "error_code", "http_status", "method", "number_found", "number_added"]
        return {name: getattr(self, name) for name in [*names, "waiting_until"]}

    def changes(
        self, planned: KeyWordEntry, trigger: VideoLog.Trigger, started_at: datetime, due_at: datetime
    ) -> dict[str, Any]:
        """Return which fields of the keyword, whose row is now `planned`, change, and their values.

        `due_at` is when it is due by its interval.
        """
        changes: dict[str, Any] = {"next_due_at": self.next_due_at or due_at, "last_status": self.status}
        if trigger in (VideoLog.Trigger.AUDIT, VideoLog.Trigger.MANUAL) and planned.group_id and planned.next_due_at:
            # A search for it alone does not replace that for its group.
            changes["next_due_at"] = max(planned.next_due_at, self.next_due_at or planned.next_due_at)
        if trigger == VideoLog.Trigger.AUDIT and planned.audit_interval:
            changes["audit_due_at"] = started_at + timedelta(seconds=planned.audit_interval)
        if self.status != VideoLog.Status.WAITING:
            changes["last_fetched_at"] = started_at
        if self.status == VideoLog.Status.DONE and planned.notify != KeyWordEntry.Notify.OFF:
            # What the first fetch found is not new. A later date was recorded before the clock was set back.
            changes["notify_since"] = min(planned.notify_since or started_at, started_at)
        if self.through is not None:
            changes["searched_through"] = self.through
        if self.rate is not None:
            changes["rate"] = self.rate
        if self.refusal:
            changes |= {"refused_since": self.refusal.since, "bad_query": self.refusal.bad_query}
        elif self.accepted:
            changes |= {"refused_since": None, "bad_query": ""}
        return changes


def done(
    entry: KeyWordEntry, search: SearchResult, stored: Stored, ignored: int, started_at: datetime, check: Check | None
) -> Outcome:
    """Return the outcome of a search that succeeded; `ignored` values of its videos were implausible."""
    covered = search.gaps is not None
    return Outcome(
        VideoLog.Status.DONE,
        _summary(search, stored, ignored),
        method=search.method,
        number_found=stored.found,
        number_added=stored.added,
        rate=rates.measure(entry, started_at) if covered and _is_measured(entry, stored, started_at) else None,
        through=search.through,
        gaps=search.gaps,
        accepted=covered,
        check=check,
    )


def _is_measured(entry: KeyWordEntry, stored: Stored, now: datetime) -> bool:
    """Return whether to estimate the keyword's rate again: if something is new, or an hour has begun."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return stored.added > 0 or entry.last_fetched_at is None or entry.last_fetched_at < hour


def lost() -> Outcome:
    return Outcome(VideoLog.Status.INTERRUPTED, "The keyword was deleted, or another worker took over.")


def left_out() -> Outcome:
    """Return the outcome for a keyword that was to be searched for with another one when YouTube failed."""
    return Outcome(VideoLog.Status.INTERRUPTED, "YouTube could not be searched. It is searched for alone next.")


def postponed(entry: KeyWordEntry, error: NoKeyAvailable, trigger: VideoLog.Trigger, started_at: datetime) -> Outcome:
    """Return the outcome if no key could be used."""
    if error.until is None or trigger == VideoLog.Trigger.PREVIEW:
        return Outcome(VideoLog.Status.FAILED, str(error), error.code, next_due_at=_soon(entry, started_at))
    return Outcome(
        VideoLog.Status.WAITING,
        str(error),
        error.code,
        waiting_until=error.until,
        next_due_at=entry.after_pause(error.until),
    )


def failed(entry: KeyWordEntry, error: SourceError, started_at: datetime) -> Outcome:
    """Return the outcome if a source failed."""
    next_due_at = _soon(entry, started_at) if isinstance(error, ProjectSuspended) else None
    return Outcome(VideoLog.Status.FAILED, str(error), error.code, error.http_status, next_due_at=next_due_at)


def query_refused(entry: KeyWordEntry, error: BadQuery, now: datetime) -> Outcome:
    """Return the outcome if YouTube did not accept the keyword as a query."""
    refusal = refused.assess(entry, str(error), now)
    if refusal.retry_after is None:
        message = f"YouTube refuses the queries of several keywords. {error}"
        incidents.open(Incident.Kind.YOUTUBE_UNAVAILABLE, message, subject="search")
        code = SourceUnavailable.code
        return Outcome(VideoLog.Status.FAILED, message, code, error.http_status, refusal=refusal)
    due = now + max(refusal.retry_after, timedelta(seconds=entry.current_interval))
    return Outcome(VideoLog.Status.FAILED, str(error), error.code, error.http_status, next_due_at=due, refusal=refusal)


def shared_query_refused(error: BadQuery, now: datetime) -> Outcome:
    """Return the outcome if YouTube did not accept a query for several keywords: they are due again, in two groups."""
    message = f"{error} The query was for several keywords; they are searched for in smaller groups."
    return Outcome(VideoLog.Status.FAILED, message, error.code, error.http_status, next_due_at=now)


def _soon(entry: KeyWordEntry, started_at: datetime) -> datetime:
    return started_at + min(timedelta(seconds=entry.current_interval), RETRY_AFTER)


def _summary(search: SearchResult, stored: Stored, ignored: int) -> str:
    """Return the log's message: what was found, what was implausible, and what remains to be searched."""
    parts = [f"{search.method.label}: {stored.found} found, {stored.added} new."]
    if search.others:
        parts.append(f"Searched together with {search.others} other keyword{'s' if search.others > 1 else ''}.")
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
