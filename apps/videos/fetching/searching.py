"""Find the videos of a keyword, or of several with one search: on YouTube, or of one through Invidious while YouTube
cannot be searched."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter

from django.conf import settings
from django.utils import timezone

from apps.incidents import clocks, incidents
from apps.incidents.models import Incident
from apps.incidents.retrying import retry_unavailable
from apps.quota.errors import NoKeyAvailable
from apps.quota.ledger import Purpose
from apps.quota.youtube import YouTube
from apps.videos.fetching import gaps, refused, sharing
from apps.videos.fetching.gaps import Gap
from apps.videos.models import KeyWordEntry, Match, SearchGap, VideoFetchMethod
from apps.videos.scheduling import groups
from apps.videos.scheduling.allocation import DAY
from core import invidious_api
from core.errors import (
    BadPageToken,
    BadQuery,
    ProjectSuspended,
    RequestRefused,
    SourceBlocked,
    SourceError,
    SourceUnavailable,
)
from core.found_video import FoundVideo
from core.youtube_api import PAGE_SIZE, SearchPage

# The number of further pages that one fetch requests to close gaps.
FURTHER_PAGES = 4


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    `gaps` are those the keyword has now, newest first; None if the search does not count as covering its dates.
    `through` is the moment up to which it searched: the start of the search, by YouTube's clock if ours is ahead.
    `unlisted` is about how many videos per hour appear beyond what the searches can list.
    `note` explains why another source was used. `others` is the number of other keywords that the search was for.
    """

    videos: Sequence[FoundVideo]
    method: VideoFetchMethod
    gaps: Sequence[Gap] | None = None
    through: datetime | None = None
    unlisted: int = 0
    note: str = ""
    others: int = 0

    @property
    def is_shared(self) -> bool:
        return self.others > 0


def search(
    entries: Sequence[KeyWordEntry], youtube: YouTube, purpose: Purpose, *, is_audit: bool = False
) -> SearchResult:
    """Search YouTube for all these keywords at once; if it is unavailable or no key can make the call, search Invidious
    for the first one if it is configured.

    An audit searches from where the last one ended. Raises NoKeyAvailable or SourceError.
    """
    entry = entries[0]
    try:
        result = _search_youtube(entries, youtube, purpose, is_audit)
    except (BadQuery, ProjectSuspended):
        raise
    except (NoKeyAvailable, SourceError) as error:
        if isinstance(error, RequestRefused) and refused.others_are_accepted(entry):
            incidents.close(Incident.Kind.YOUTUBE_UNAVAILABLE, subject="search")
            raise BadQuery(f"{error} It accepts other queries.", error.http_status) from None
        if not settings.INVIDIOUS_URL:
            raise
        return _search_invidious(entry, youtube.deadline, error)
    if settings.INVIDIOUS_URL:
        # Invidious is not needed now, so close its incidents.
        incidents.close(Incident.Kind.INVIDIOUS_UNAVAILABLE)
        incidents.close(Incident.Kind.INVIDIOUS_BLOCKED)
    return result


def _search_youtube(
    entries: Sequence[KeyWordEntry], youtube: YouTube, purpose: Purpose, is_audit: bool = False
) -> SearchResult:
    """Request the newest page since the last search, and further pages to close gaps if searches are left for that.
    Of several keywords, the last search is the earliest one.

    A page that is not the last, and does not surely show all since the last search, leaves a gap, whether its videos
    are new or known: known ones may have been found in other ways. Videos from outside the requested dates, which
    YouTube sends at times, are not evidence of anything.
    """
    query, now = _query(entries), timezone.now()
    through = _searched_through(entries, now)
    known = _known_dates(entries, through - gaps.OVERLAP, through, 2 * PAGE_SIZE) if through else []
    rate = sum(entry.rate for entry in entries) / DAY
    per_second = max(rate, gaps.per_second(known, through)) if through else 0
    start = through and gaps.window_start(
        through, known, per_second * max(0, (now - through).total_seconds()), PAGE_SIZE
    )
    if start and is_audit:
        start = min(start, sharing.audit_start(entries[0], now))
    page = youtube.search(query, purpose, published_after=start)
    if page.sent_at:
        clocks.compare("YouTube", page.sent_at)
        # If ours is behind, it is not the last search that was in the future: nothing has to be searched again.
        through = _searched_through(entries, max(now, page.sent_at))
    # Never earlier than the last search, whatever the response's date.
    now = clocks.bounded(now, page.sent_at)
    now = max(now, through) if through else now
    gap_search = _GapSearch(entries, query, youtube, start, per_second)
    new = _new_gaps(entries[0], through, page, start, now)
    stored = _stored_gaps(entries)
    for gap in gaps.merge([*new, *stored]):
        # A gap that begins where the page ended can be continued by its token.
        follows_page = page.more and any(gap.before == one.before for one in new if not one.late)
        gap_search.search(gap, page if follows_page else None, now)
    unlisted = _unlisted(stored, gap_search.left, now - through, per_second) if through and through < now else 0
    videos = [*page.videos, *gap_search.videos]
    others = len(entries) - 1
    if others and start:
        since = gaps.complete_from(_dates(page, start), default=now) if page.more else start
        sharing.record_search(entries, page.videos, since, now)
    return SearchResult(videos, VideoFetchMethod.YOUTUBE, gap_search.left, now, unlisted, others=others)


def _query(entries: Sequence[KeyWordEntry]) -> str:
    """Return the query that finds what any of these keywords finds; in the same order whose turn it ever is."""
    return groups.query_of(entry.keyword for entry in sorted(entries, key=attrgetter("pk")))


def _searched_through(entries: Sequence[KeyWordEntry], now: datetime) -> datetime | None:
    """Return up to when YouTube was searched for all of them; if the clock was ahead then, only what is certain."""
    ends = list[datetime]()
    for entry in entries:
        if entry.searched_through is None:
            return None
        is_future = clocks.is_future(entry.searched_through, now)
        ends.append(max(min(entry.created_at, now), now - gaps.MAX_GAP) if is_future else entry.searched_through)
    return min(ends)


def _known_dates(entries: Sequence[KeyWordEntry], after: datetime, before: datetime, limit: int) -> list[datetime]:
    """Return the dates of videos found already, newest first."""
    found = Match.objects.filter(
        keyword__in=entries, video__published_exact=True, published_at__gte=after, published_at__lte=before
    )
    if len(entries) == 1:
        return list(found.newest_first().values_list("published_at", flat=True)[:limit])
    rows = found.newest_first().values_list("published_at", "video").distinct()[:limit]
    return [published_at for published_at, _ in rows]


def _stored_gaps(entries: Sequence[KeyWordEntry]) -> list[Gap]:
    """Return what any of the keywords' earlier searches left, newest first."""
    return gaps.merge({gap.value for gap in SearchGap.objects.filter(keyword__in=entries)})


def _new_gaps(
    entry: KeyWordEntry, through: datetime | None, page: SearchPage, start: datetime | None, now: datetime
) -> list[Gap]:
    """Return the gaps left by a search whose first page is `page`."""
    complete = gaps.complete_from(_dates(page, start), default=now)
    if through is None or start is None:
        return gaps.left_by_first_search(entry.created_at, complete) if page.more else []
    interval = timedelta(seconds=entry.current_interval)
    return gaps.left_by_search(through, start, complete if page.more else start, interval, now)


def _dates(page: SearchPage, start: datetime | None) -> list[datetime]:
    """Return the dates of the page's videos, except estimates, and those outside the requested dates."""
    exact = [video.published_at for video in page.videos if video.published_exact]
    return [date for date in exact if start is None or date >= start]


@dataclass(slots=True)
class _GapSearch:
    """Search the gaps of keywords, newest first, with a limited number of pages."""

    entries: Sequence[KeyWordEntry]
    query: str
    youtube: YouTube
    start: datetime | None  # of the search whose page left a gap
    per_second: float  # about how many videos are published
    pages: int = FURTHER_PAGES
    videos: list[FoundVideo] = field(default_factory=list)
    left: list[Gap] = field(default_factory=list)

    def search(self, gap: Gap, page: SearchPage | None, now: datetime) -> None:
        """Search `gap` if it is due, and keep what is left of it; begin with the pages that follow `page`."""
        remaining: Gap | None = gap
        if gap.is_due(now, self.per_second, PAGE_SIZE):
            if page and page.next_page_token:
                remaining = self._read(gap, self.start, page)
            while self.pages and remaining:
                remaining = self._read(remaining, self._slice_start(remaining))
        if remaining:
            self.left.append(remaining)

    def _slice_start(self, gap: Gap) -> datetime:
        room = self.pages * PAGE_SIZE
        known = _known_dates(self.entries, gap.after, gap.before, room)
        return gaps.slice_start(gap, known, self.per_second, room)

    def _read(self, gap: Gap, start: datetime | None, page: SearchPage | None = None) -> Gap | None:
        """Search `gap` from `start` on, page by page; return what is left of it.

        With `page` the pages continue that search, without requesting it again.
        """
        dates = _dates(page, start) if page else []
        page_token, before = page.next_page_token if page else None, None if page else gap.before
        continued = page is not None
        while self.pages:
            self.pages -= 1
            try:
                page = self.youtube.search(
                    self.query,
                    Purpose.GAP,
                    published_after=start,
                    published_before=before,
                    page_token=page_token,
                )
            except BadPageToken:
                page_token, before = None, gap.before  # start again, with the gap's own end
                continue
            except (NoKeyAvailable, SourceError):
                self.pages = 0  # the next gap's search would fail, too
                break
            self.videos += page.videos
            dates += _dates(page, start)
            page_token = page.next_page_token
            if not page.more:
                return gap.shrunk(start) if start else None
            if page_token is None:
                break
        if not dates:
            return gap
        if start and gap.before - start <= timedelta(seconds=1):
            return gap.shrunk(start)  # no shorter search is possible
        complete = gaps.complete_from(dates, default=gap.before)
        # More pages show better how rough the order is: the first of them may not show all that it seemed to.
        return replace(gap, before=max(gap.before, complete) if continued else gap.before).shrunk(complete)


def _unlisted(before: Sequence[Gap], left: Sequence[Gap], elapsed: timedelta, per_second: float) -> int:
    """Return about how many videos per hour the searches cannot list: those published in the time by which
    the gaps have grown.

    A new gap does not count, only growth of gaps that existed before.
    """
    old, new = (sum((gap.before - gap.after for gap in some if not gap.late), timedelta()) for some in (before, left))
    return round(min(1, (new - old) / elapsed) * per_second * 3600) if timedelta() < old < new else 0


def _search_invidious(entry: KeyWordEntry, deadline: float, cause: NoKeyAvailable | SourceError) -> SearchResult:
    """Search Invidious because of `cause`, unless it has recently refused searches."""
    # Without YouTube keys, Invidious is the first choice and needs no explanation.
    note = str(cause) if settings.YT_KEYS else ""
    # Even if the incident has been closed in the meantime, because YouTube was available again.
    blocked = Incident.objects.not_ended(Incident.Kind.INVIDIOUS_BLOCKED).first()
    if blocked and blocked.until:
        message = f"{note} {blocked.message}".strip()
        if isinstance(cause, SourceError):
            raise type(cause)(message, cause.http_status)
        raise type(cause)(message, min(blocked.until, cause.until or blocked.until))
    retrying = retry_unavailable(Incident.Kind.INVIDIOUS_UNAVAILABLE, deadline=deadline)
    try:
        videos = retrying(
            invidious_api.search_videos, entry.keyword, instance=settings.INVIDIOUS_URL, deadline=deadline
        )
    except (SourceUnavailable, SourceBlocked) as error:
        if isinstance(error, SourceBlocked):
            incidents.close(Incident.Kind.INVIDIOUS_UNAVAILABLE)
            incidents.open(Incident.Kind.INVIDIOUS_BLOCKED, str(error), until=timezone.now() + error.cooldown)
        raise type(error)(f"{note} {error}".strip(), error.http_status) from None
    incidents.close(Incident.Kind.INVIDIOUS_UNAVAILABLE)
    incidents.close(Incident.Kind.INVIDIOUS_BLOCKED)
    return SearchResult(videos, VideoFetchMethod.INVIDIOUS, note=note)
