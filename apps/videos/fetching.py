"""One fetch, from claim to release: the main story of Windhover."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.quota.ledger import Purpose
from apps.quota.spending import NothingLeft, Purse
from apps.videos import storing
from apps.videos.models import KeyWordEntry, Match, SearchGap, Video, VideoFetchMethod, VideoLog
from core import invidious_api, youtube_api
from core.errors import BadQuery, ProjectSuspended, SourceError
from core.found_video import FoundVideo

logger = logging.getLogger(__name__)

# No call to YouTube is begun after this many seconds. With the last call's own timeout, and Invidious', a fetch
# stays below Celery's time limit, and that below a claim's age limit.
LONGEST_FETCH = 40.0

# A search reaches back this far behind the last one: YouTube indexes late and sorts roughly.
OVERLAP = timedelta(hours=3)

# Where a full page ends, dates may be misplaced by some minutes, since the order is only roughly by date.
ROUGHLY = timedelta(minutes=10)

# What a full page left behind is followed for this many further pages in one fetch.
FURTHER_PAGES = 4

# After a pause the keywords start again within this time, not all at one moment.
SPREAD = timedelta(minutes=1)

_PURPOSES = {
    VideoLog.Trigger.SCHEDULE: Purpose.SCHEDULE,
    VideoLog.Trigger.FIRST: Purpose.PERSON,
    VideoLog.Trigger.MANUAL: Purpose.PERSON,
    VideoLog.Trigger.PREVIEW: Purpose.PERSON,
}


# Not the keyword: it may have been erased meanwhile.
_CLOSING = [
    "status",
    "method",
    "number_found",
    "number_added",
    "message",
    "error",
    "http_status",
    "searches",
    "units",
    "duration",
    "waiting_until",
]


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found.

    `covers` tells that YouTube was searched up to now, but for `gaps`: new ones, and old ones as they are now.
    """

    videos: Sequence[FoundVideo]
    method: VideoFetchMethod
    covers: bool = False
    gaps: Sequence[SearchGap] = ()
    note: str = ""


def fetch_keyword(entry: KeyWordEntry, trigger: VideoLog.Trigger, log: VideoLog | None = None) -> VideoLog | None:
    """Fetch `entry` once and return the closed log; None if it was not due or somebody else is fetching it.

    `log` is the row by which a person asked for this fetch, if one did. Whatever happens is in the log: this
    raises nothing but what the database does.
    """
    token = entry.claim(scheduled=trigger in (VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.FIRST))
    if token is None:
        return None
    began, clock = timezone.now(), time.monotonic()
    try:
        log = _open_log(entry, trigger, log)
    except IntegrityError:
        return None  # deleted and erased since the claim
    purse = Purse(deadline=clock + LONGEST_FETCH)
    changes: dict[str, datetime] = {}
    gaps: Sequence[SearchGap] = ()
    try:
        search = _search(entry, purse, _PURPOSES[trigger])
        stored = _store(entry, token, complete(search.videos, purse), search.method)
        log.status, log.method = VideoLog.Status.DONE, search.method
        log.number_found, log.number_added = stored.found, stored.added
        log.message = _story(search, stored)
        if search.covers:
            changes["searched_through"], gaps = began, search.gaps
    except NothingLeft as nothing:
        log.status, log.error, log.message = VideoLog.Status.FAILED, "NothingLeft", str(nothing)
        if nothing.until:
            log.status, log.waiting_until = VideoLog.Status.WAITING, nothing.until
            changes["next_due_at"] = nothing.until + SPREAD * _phase(entry)
    except SourceError as error:
        log.status, log.error = VideoLog.Status.FAILED, type(error).__name__
        log.message, log.http_status = str(error), error.http_status
    except storing.ClaimLost:
        log.status, log.message = (
            VideoLog.Status.INTERRUPTED,
            "The keyword was deleted, or another worker took over.",
        )
    except Exception as error:  # whatever it is, it must be seen in the log and not stop the schedule
        logger.exception("fetch %s of keyword %s failed", log.pk, entry.pk)
        log.status, log.error = VideoLog.Status.FAILED, type(error).__name__
        log.message = f"Something unexpected went wrong; the worker's log has the details under fetch {log.pk}."

    log.searches, log.units = purse.searches, purse.units
    log.duration = round(time.monotonic() - clock, 3)
    with transaction.atomic():
        _close_log(log)
        # Read now: the plan may have changed since the claim.
        planned = KeyWordEntry.objects.filter(pk=entry.pk).values_list("planned_interval", flat=True).first()
        next_due_at = began + timedelta(seconds=planned or entry.planned_interval)
        if entry.release(token, **{"next_due_at": next_due_at, "last_fetched_at": began} | changes):
            _keep_gaps(gaps)
    logger.info("fetch %s of keyword %s (%s): %s. %s", log.pk, entry.pk, trigger, log.status, log.message)
    return log


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
    """Complete stored videos of which YouTube has not yet told everything, newest finds first."""
    ids = list(Video.objects.incomplete().values_list("pk", flat=True)[:most])
    purse = Purse(deadline=time.monotonic() + LONGEST_FETCH)
    for start in range(0, len(ids), youtube_api.PAGE_SIZE):
        chunk = ids[start : start + youtube_api.PAGE_SIZE]
        try:
            told = _list_videos(chunk, purse)
        except (NothingLeft, SourceError) as error:
            logger.info("%d videos stay incomplete for now: %s", len(ids) - start, error)
            return
        storing.update(told)
        storing.mark_complete(set(chunk) - {video.video_id for video in told})


def _open_log(entry: KeyWordEntry, trigger: VideoLog.Trigger, log: VideoLog | None) -> VideoLog:
    """Open this fetch's log. We hold the claim, so a row that still runs belongs to a fetch that died."""
    entry.logs.filter(status=VideoLog.Status.RUNNING).close(
        VideoLog.Status.INTERRUPTED, "The worker that fetched stopped before it was done."
    )
    log = log or VideoLog(keyword=entry, keyword_text=entry.keyword, trigger=trigger)
    log.status, log.message = VideoLog.Status.RUNNING, ""
    log.save()
    return log


def _search(entry: KeyWordEntry, purse: Purse, purpose: Purpose) -> Search:
    """Search YouTube; where no key can pay or YouTube is away, search Invidious if the operator chose one."""
    try:
        return _search_youtube(entry, purse, purpose)
    except (BadQuery, ProjectSuspended):
        raise
    except (NothingLeft, SourceError) as error:
        if not settings.INVIDIOUS_URL:
            raise
        videos = invidious_api.search_videos(entry.keyword, instance=settings.INVIDIOUS_URL)
        # Without keys Invidious is not the second choice, and there is nothing to explain.
        note = str(error) if settings.YT_KEYS else ""
        return Search(videos, VideoFetchMethod.INVIDIOUS, note=note)


def _search_youtube(entry: KeyWordEntry, purse: Purse, purpose: Purpose) -> Search:
    """Take the newest page since the last search, and what it did not reach as far as searches are left over.

    A full page of nothing but news did not reach back to the last search: what lies between is a gap. The first
    search of a keyword has nothing to reach back to.
    """
    after = entry.searched_through - OVERLAP if entry.searched_through else None
    page = purse.spend("search", purpose, lambda key: _search_page(key, entry, after))
    gaps: list[SearchGap] = []
    if after and page.full and not _any_known(entry, page.videos):
        gaps.append(SearchGap(keyword=entry, after=after, before=_reached_back_to(page.videos)))
        further = _search_gap(gaps[0], purse, page.next_page_token)
    elif gap := entry.gaps.first():
        gaps.append(gap)
        further = _search_gap(gap, purse)
    else:
        further = []
    return Search([*page.videos, *further], VideoFetchMethod.YOUTUBE, covers=True, gaps=gaps)


def _search_gap(gap: SearchGap, purse: Purse, page_token: str | None = None) -> list[FoundVideo]:
    """Search `gap` for some pages, if the day's pace has searches left over, and note in it what is left of it.

    `page_token` goes on where the search ended that left the gap; without it the gap's own end bounds the search.
    """
    before = None if page_token else gap.before
    videos: list[FoundVideo] = []
    for _ in range(FURTHER_PAGES):
        try:
            page = purse.spend(
                "search",
                Purpose.GAP,
                lambda key, token=page_token: _search_page(key, gap.keyword, gap.after, before, token),  # type: ignore[misc]
            )
        except (NothingLeft, SourceError):
            break
        videos += page.videos
        page_token = page.next_page_token
        if page_token is None or not page.full:
            gap.before = gap.after
            return videos
    if videos:
        reached = _reached_back_to(videos)
        oldest = min(video.published_at for video in videos)
        # It shrinks whatever happens: videos that crowd within minutes must not keep it open for ever.
        gap.before = max(gap.after, reached if reached < gap.before else min(oldest, gap.before - timedelta(seconds=1)))
    return videos


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


def _list_videos(video_ids: Sequence[str], purse: Purse) -> list[FoundVideo]:
    return purse.spend(
        "general",
        Purpose.SCHEDULE,
        lambda key: youtube_api.list_videos(key, video_ids, endpoint=settings.YOUTUBE_API_URL),
    )


def _any_known(entry: KeyWordEntry, videos: Sequence[FoundVideo]) -> bool:
    """Tell whether YouTube has shown one of `videos` for this keyword before; what Invidious found says nothing."""
    ids = [video.video_id for video in videos]
    return Match.objects.filter(keyword=entry, video__in=ids, method=VideoFetchMethod.YOUTUBE).exists()


def _reached_back_to(videos: Sequence[FoundVideo]) -> datetime:
    """Return the date down to which a full page shows everything."""
    return min((video.published_at for video in videos), default=timezone.now()) + ROUGHLY


def _keep_gaps(gaps: Sequence[SearchGap]) -> None:
    """Write what is left of each gap; one that is closed goes."""
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


def _close_log(log: VideoLog) -> None:
    """Write the log's end; a pause that this keyword's log already tells of is not told again."""
    told = VideoLog.objects.filter(
        keyword=log.keyword_id, status=VideoLog.Status.WAITING, waiting_until=log.waiting_until
    )
    if log.status == VideoLog.Status.WAITING and log.trigger != VideoLog.Trigger.MANUAL and told.exists():
        log.delete()
    else:
        log.save(update_fields=_CLOSING)


def _story(search: Search, stored: storing.Stored) -> str:
    """Tell in plain words what a fetch brought."""
    source = VideoFetchMethod(search.method).label
    parts = [f"{source}: {stored.found} found, {stored.added} new."]
    if any(gap.before > gap.after for gap in search.gaps):
        parts.append("The page was full: older videos of this window follow as searches allow.")
    return " ".join([*parts, search.note]).strip()


def _phase(entry: KeyWordEntry) -> float:
    """Return the keyword's place, from 0 to 1, among all: multiples of the golden ratio never crowd."""
    return (entry.pk * 0.618033988749895) % 1
