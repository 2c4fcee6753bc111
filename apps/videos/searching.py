"""Find a keyword's videos: through YouTube as far as searches last, else through Invidious; then complete them."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone

from apps.quota import troubles
from apps.quota.ledger import Purpose
from apps.quota.models import Trouble
from apps.quota.patience import patiently
from apps.quota.spending import NothingLeft, Purse
from apps.videos import storing
from apps.videos.models import KeyWordEntry, SearchGap, Video, VideoFetchMethod
from core import invidious_api, youtube_api
from core.errors import BadPageToken, BadQuery, ProjectSuspended, SourceAway, SourceBlocked, SourceError
from core.found_video import FoundVideo

logger = logging.getLogger(__name__)

# Seconds after which a fetch begins no further call, but for the one to Invidious that YouTube's silence leads to.
# With what these last two may take a fetch stays below Celery's time limit, and that below a claim's age limit.
LONGEST_FETCH = 40.0

# A search reaches back this far behind the last one, since YouTube shows videos late: by 90 minutes at times, and
# the rest is for what nobody has measured.
OVERLAP = timedelta(hours=3)
SHOWN_LATE = timedelta(minutes=90)

# After a pause of months nobody wants months of videos, at everybody's expense.
LONGEST_GAP = timedelta(days=7)

# The order is only roughly by date: where a full page ends, dates may be misplaced by some minutes, and the oldest
# few are no boundary.
ROUGHLY = timedelta(minutes=10)
STRAYS = 4

# What a full page left behind is followed for this many further pages in one fetch.
FURTHER_PAGES = 4

# A stream that was live or to come is asked about this often, until it has ended; so is a video about which
# YouTube did not tell when it was asked.
LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found.

    `covers` tells that YouTube was searched up to now, but for `gaps`: all that the keyword has, newest first, as
    they are now. Closed ones are empty.
    """

    videos: Sequence[FoundVideo]
    method: VideoFetchMethod
    covers: bool = False
    gaps: Sequence[SearchGap] = ()
    note: str = ""


def new_purse(keep_account: Callable[[Purse], object] = lambda purse: None) -> Purse:
    """Return a purse for one fetch, which begins now."""
    return Purse(time.monotonic() + LONGEST_FETCH, keep_account)


def search(entry: KeyWordEntry, purse: Purse, purpose: Purpose) -> Search:
    """Search YouTube; where no key can pay or YouTube is away, search Invidious if the operator chose one.

    Raises NothingLeft or a SourceError.
    """
    try:
        found = _search_youtube(entry, purse, purpose)
    except (BadQuery, ProjectSuspended):
        raise
    except (NothingLeft, SourceError) as error:
        if isinstance(error, NothingLeft):
            _note_pause(Trouble.Kind.SEARCHES_SPENT, error)
        if not settings.INVIDIOUS_URL:
            raise
        return _search_invidious(entry, purse, instead_of=error)
    troubles.end(Trouble.Kind.KEYS_REST)
    if settings.INVIDIOUS_URL:
        # It is not needed now, so it keeps nobody from anything.
        troubles.end(Trouble.Kind.INVIDIOUS_AWAY)
        troubles.end(Trouble.Kind.INVIDIOUS_BLOCKED)
    return found


def complete(videos: Sequence[FoundVideo], purse: Purse) -> list[FoundVideo]:
    """Return `videos` with all that YouTube tells about those not yet completed; one unit for 50.

    What cannot be completed now stays as it was found; a chore comes back to it.
    """
    ids = [video.video_id for video in videos if not video.complete]
    known = set(Video.objects.filter(pk__in=ids).exclude(completed_at=None).values_list("pk", flat=True))
    wanted = [video_id for video_id in ids if video_id not in known]
    told: dict[str, FoundVideo] = {}
    for start in range(0, len(wanted), youtube_api.PAGE_SIZE):
        try:
            answer = _list_videos(wanted[start : start + youtube_api.PAGE_SIZE], purse)
        except (NothingLeft, SourceError) as error:
            logger.info("%d videos stay incomplete for now: %s", len(wanted) - start, error)
            break
        told |= {video.video_id: video for video in answer}
    return [told.get(video.video_id, video) for video in videos]


def complete_stored(most: int = 500) -> None:
    """Complete stored videos of which YouTube has not yet told everything, and streams that may have ended."""
    ids = list(Video.objects.to_complete(timezone.now() - LOOK_AGAIN).values_list("pk", flat=True)[:most])
    purse = new_purse()
    for start in range(0, len(ids), youtube_api.PAGE_SIZE):
        chunk = ids[start : start + youtube_api.PAGE_SIZE]
        try:
            told = _list_videos(chunk, purse)
        except (NothingLeft, SourceError) as error:
            logger.info("%d videos stay incomplete for now: %s", len(ids) - start, error)
            return
        storing.update(told)
        storing.note_missing(set(chunk) - {video.video_id for video in told})


def _search_youtube(entry: KeyWordEntry, purse: Purse, purpose: Purpose) -> Search:
    """Take the newest page since the last search, and what it did not reach as far as searches are left over.

    A page that has more behind it and does not reach back to where the last search could see leaves a gap, whether
    its videos are new or known: known ones may have come another way. What YouTube shows from outside the window,
    as it does at times, says nothing. The first search of a keyword has nothing to reach back to but the moment
    when it was added.
    """
    mark, now = entry.searched_through, timezone.now()
    after = mark - OVERLAP if mark else None
    page = purse.spend("search", purpose, lambda key: _search_page(key, entry, after))
    oldest = _oldest([video for video in page.videos if after is None or video.published_at >= after])
    new = _left_behind(entry, oldest, now) if page.more else None
    # Only a gap that begins where the page ended can be followed by its token.
    follow = {id(new): page.next_page_token} if new and not new.late else {}
    gaps = _merged([*([new] if new else []), *entry.gaps.all()])
    further: list[FoundVideo] = []
    pages = FURTHER_PAGES
    for gap in gaps:
        if pages and gap.before > gap.after and _is_ripe(gap, now):
            videos, asked = _search_gap(gap, purse, pages, follow.get(id(gap)))
            further += videos
            pages -= asked
    return Search([*page.videos, *further], VideoFetchMethod.YOUTUBE, covers=True, gaps=gaps)


def _left_behind(entry: KeyWordEntry, oldest: datetime, now: datetime) -> SearchGap | None:
    """Return the gap that a page leaves which has more behind it and reaches back to `oldest`; None if it reaches
    back far enough.

    Where it reaches back to the last search, only what YouTube showed late since then may be left behind. That is
    looked for when all of it must have been shown: the rest is the next search's.
    """
    mark = entry.searched_through
    if mark is None:
        before = oldest + ROUGHLY
        return SearchGap(keyword=entry, after=entry.created_at, before=before) if oldest > entry.created_at else None
    longest = max(LONGEST_GAP, 2 * timedelta(seconds=entry.planned_interval))
    after = max(mark - SHOWN_LATE, now - longest)
    late = oldest <= mark
    before = min(oldest + ROUGHLY, now - SHOWN_LATE) if late else oldest + ROUGHLY
    return SearchGap(keyword=entry, after=after, before=before, late=late) if before > after else None


def _is_ripe(gap: SearchGap, now: datetime) -> bool:
    """Tell whether it is time to search `gap`. Of what was shown late so much is gathered as comes in SHOWN_LATE:
    to look for it at each fetch would cost a busy keyword several searches each time."""
    return not gap.late or now - gap.after >= 2 * SHOWN_LATE


def _merged(gaps: Sequence[SearchGap]) -> list[SearchGap]:
    """Return `gaps`, newest first, those that touch as one, and late ones that are near each other: the newest of
    such takes the others in, which are left empty."""
    gaps = sorted(gaps, key=lambda gap: gap.before, reverse=True)
    for number, older in enumerate(gaps[1:], start=1):
        newer = next(gap for gap in reversed(gaps[:number]) if gap.before > gap.after)
        near = SHOWN_LATE if newer.late and older.late else timedelta()
        if older.before + near >= newer.after:
            newer.after, newer.late = min(newer.after, older.after), newer.late and older.late
            older.before = older.after
    return gaps


def _search_gap(gap: SearchGap, purse: Purse, pages: int, page_token: str | None) -> tuple[list[FoundVideo], int]:
    """Search `gap` for some pages, if the day's pace has searches left over, and note in it what is left of it.

    Return what was found, and how many of the pages are used up. `page_token` goes on where the search ended that left
    the gap; without it the gap's own end bounds the search.
    """
    before = None if page_token else gap.before
    videos: list[FoundVideo] = []
    asked = 0
    while asked < pages:
        try:
            page = purse.spend(
                "search",
                Purpose.GAP,
                partial(_search_page, entry=gap.keyword, after=gap.after, before=before, page_token=page_token),
            )
        except BadPageToken:
            # Only this way of going on is barred: the gap's own end bounds the search as well.
            page_token, before = None, gap.before
            asked += 1
            continue
        except (NothingLeft, SourceError):
            asked = pages  # nor would the next gap's search come to anything
            break
        asked += 1
        videos += page.videos
        page_token = page.next_page_token
        if not page.more:
            gap.before = gap.after
            return videos, asked
        if page_token is None:
            break
    if inside := [video for video in videos if video.published_at >= gap.after]:
        # It shrinks whatever happens: videos that crowd within minutes must not keep it open for ever.
        reached = min(_oldest(inside) + ROUGHLY, gap.before - timedelta(seconds=1))
        gap.before = max(gap.after, reached)
    # What could not be read to its end waits for searches, no longer for company.
    gap.late = gap.late and not videos
    return videos, asked


def _search_page(
    key: str,
    entry: KeyWordEntry,
    after: datetime | None,
    before: datetime | None = None,
    page_token: str | None = None,
) -> youtube_api.SearchPage:
    return youtube_api.search_videos(
        key,
        entry.keyword,
        endpoint=settings.YOUTUBE_API_URL,
        published_after=after,
        published_before=before,
        page_token=page_token,
    )


def _search_invidious(entry: KeyWordEntry, purse: Purse, instead_of: Exception) -> Search:
    """Search Invidious, unless it has blocked us of late; what it finds never counts as covering a window."""
    # Without keys Invidious is not the second choice, and there is nothing to explain.
    note = str(instead_of) if settings.YT_KEYS else ""
    # Also one that has ended because YouTube served again.
    blocked = Trouble.objects.filter(kind=Trouble.Kind.INVIDIOUS_BLOCKED, until__gt=timezone.now()).first()
    if blocked and blocked.until:
        message = f"{note} {blocked.message}".strip()
        if isinstance(instead_of, SourceError):
            raise type(instead_of)(message, instead_of.http_status)
        until = min(blocked.until, getattr(instead_of, "until", None) or blocked.until)
        raise NothingLeft(message, until)
    try:
        videos = patiently(
            lambda: invidious_api.search_videos(
                entry.keyword, instance=settings.INVIDIOUS_URL, deadline=purse.deadline
            ),
            Trouble.Kind.INVIDIOUS_AWAY,
            deadline=purse.deadline,
        )
    except (SourceAway, SourceBlocked) as error:
        if isinstance(error, SourceBlocked):
            troubles.end(Trouble.Kind.INVIDIOUS_AWAY)
            troubles.begin(Trouble.Kind.INVIDIOUS_BLOCKED, str(error), until=timezone.now() + error.rest)
        raise type(error)(f"{note} {error}".strip(), error.http_status) from None
    troubles.end(Trouble.Kind.INVIDIOUS_AWAY)
    troubles.end(Trouble.Kind.INVIDIOUS_BLOCKED)
    return Search(videos, VideoFetchMethod.INVIDIOUS, note=note)


def _list_videos(video_ids: Sequence[str], purse: Purse) -> list[FoundVideo]:
    try:
        told = purse.spend(
            "general",
            Purpose.SCHEDULE,
            lambda key: youtube_api.list_videos(key, video_ids, endpoint=settings.YOUTUBE_API_URL),
        )
    except NothingLeft as nothing:
        _note_pause(Trouble.Kind.UNITS_SPENT, nothing)
        raise
    troubles.end(Trouble.Kind.UNITS_SPENT)
    return told


def _note_pause(spent: Trouble.Kind, nothing: NothingLeft) -> None:
    """Note what all is waiting for: for the reset (`spent`), for a key that rests, or for a person who acts on what
    is a trouble of its own."""
    if nothing.until:
        troubles.begin(Trouble.Kind.KEYS_REST if nothing.resting else spent, str(nothing), until=nothing.until)


def _oldest(videos: Sequence[FoundVideo]) -> datetime:
    """Return the date down to which a full page shows everything, give or take some minutes."""
    dates = sorted(video.published_at for video in videos)
    return dates[min(STRAYS, len(dates) - 1)] if dates else timezone.now()
