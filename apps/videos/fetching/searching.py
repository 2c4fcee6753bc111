"""Find a keyword's videos: on YouTube while it has quota, else through Invidious."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.incidents.retrying import retry_unavailable
from apps.quota.errors import NoKeyAvailable
from apps.quota.ledger import Purpose
from apps.quota.youtube import YouTube
from apps.videos.fetching import gaps
from apps.videos.fetching.gaps import Gap
from apps.videos.models import KeyWordEntry, VideoFetchMethod
from core import invidious_api
from core.errors import BadPageToken, BadQuery, ProjectSuspended, SourceBlocked, SourceError, SourceUnavailable
from core.found_video import FoundVideo

# A search starts this far before the last one, since YouTube indexes videos late: 90 minutes were observed, the rest
# is a margin.
OVERLAP = timedelta(hours=3)

# The number of further pages that one fetch requests to close gaps.
FURTHER_PAGES = 4


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    `gaps` are those the keyword has now, newest first; None if the search does not count as covering its dates.
    `note` explains why another source was used.
    """

    videos: Sequence[FoundVideo]
    method: VideoFetchMethod
    gaps: Sequence[Gap] | None = None
    note: str = ""


def search(entry: KeyWordEntry, youtube: YouTube, purpose: Purpose) -> SearchResult:
    """Search YouTube; if it is unavailable or no key can make the call, search Invidious if one is configured.

    Raises NoKeyAvailable or SourceError.
    """
    try:
        result = _search_youtube(entry, youtube, purpose)
    except (BadQuery, ProjectSuspended):
        raise
    except (NoKeyAvailable, SourceError) as error:
        if not settings.INVIDIOUS_URL:
            raise
        return _search_invidious(entry, youtube.deadline, error)
    if settings.INVIDIOUS_URL:
        # Invidious is not needed now, so close its incidents.
        incidents.close(Incident.Kind.INVIDIOUS_UNAVAILABLE)
        incidents.close(Incident.Kind.INVIDIOUS_BLOCKED)
    return result


def _search_youtube(entry: KeyWordEntry, youtube: YouTube, purpose: Purpose) -> SearchResult:
    """Request the newest page since the last search, and further pages to close gaps if searches are left for that.

    A page that is not the last, and does not reach back to where the last search began, leaves a gap, whether its
    videos are new or known: known ones may have been found in other ways. Videos from outside the requested dates,
    which YouTube sends at times, are not evidence of anything.
    """
    now, after = timezone.now(), entry.searched_through and entry.searched_through - OVERLAP
    page = youtube.search(entry.keyword, purpose, published_after=after)
    new = _new_gap(entry, page.videos, after, now) if page.more else None
    gap_search = _GapSearch(entry, youtube)
    for gap in gaps.merge([*([new] if new else []), *(gap.value for gap in entry.gaps.all())]):
        # A gap that begins where the page ended can be continued by its token.
        follows_page = new and not new.late and gap.before == new.before
        gap_search.search(gap, page.next_page_token if follows_page else None, now)
    return SearchResult([*page.videos, *gap_search.videos], VideoFetchMethod.YOUTUBE, gap_search.left)


def _new_gap(entry: KeyWordEntry, videos: Sequence[FoundVideo], after: datetime | None, now: datetime) -> Gap | None:
    """Return the gap left by a page that is followed by others."""
    dates = [video.published_at for video in videos if after is None or video.published_at >= after]
    reached = gaps.reached_back_to(dates, default=now)
    if entry.searched_through is None:
        return gaps.left_by_first_search(entry.created_at, reached)
    return gaps.left_by_search(entry.searched_through, reached, timedelta(seconds=entry.planned_interval), now)


@dataclass(slots=True)
class _GapSearch:
    """Search a keyword's gaps, newest first, with a limited number of pages."""

    entry: KeyWordEntry
    youtube: YouTube
    pages: int = FURTHER_PAGES
    videos: list[FoundVideo] = field(default_factory=list)
    left: list[Gap] = field(default_factory=list)

    def search(self, gap: Gap, page_token: str | None, now: datetime) -> None:
        """Search `gap` if it is ripe, and keep what is left of it."""
        remaining = self._search(gap, page_token) if self.pages and gap.is_ripe(now) else gap
        if remaining:
            self.left.append(remaining)

    def _search(self, gap: Gap, page_token: str | None) -> Gap | None:
        """Search `gap` page by page; with `page_token` the pages continue those of the search that left the gap."""
        before = None if page_token else gap.before
        videos: list[FoundVideo] = []
        while self.pages:
            self.pages -= 1
            try:
                page = self.youtube.search(
                    self.entry.keyword,
                    Purpose.GAP,
                    published_after=gap.after,
                    published_before=before,
                    page_token=page_token,
                )
            except BadPageToken:
                page_token, before = None, gap.before  # start again, with the gap's own end
                continue
            except (NoKeyAvailable, SourceError):
                self.pages = 0  # the next gap's search would fail as well
                break
            videos += page.videos
            page_token = page.next_page_token
            if not page.more:
                self.videos += videos
                return None
            if page_token is None:
                break
        self.videos += videos
        inside = [video.published_at for video in videos if video.published_at >= gap.after]
        return gap.shrunk(gaps.reached_back_to(inside, default=gap.before) if videos else None)


def _search_invidious(entry: KeyWordEntry, deadline: float, cause: NoKeyAvailable | SourceError) -> SearchResult:
    """Search Invidious because of `cause`, unless it has recently refused searches."""
    # Without YouTube keys, Invidious is the first choice and needs no explanation.
    note = str(cause) if settings.YT_KEYS else ""
    # Also if the incident was closed since, because YouTube was available again.
    blocked = Incident.objects.filter(kind=Incident.Kind.INVIDIOUS_BLOCKED, until__gt=timezone.now()).first()
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
