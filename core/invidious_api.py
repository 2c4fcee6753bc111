"""Search through an Invidious instance, the fallback if one is configured.

It finds some recent matching videos, not necessarily the newest: YouTube's site can no longer be sorted by date, so
Invidious cannot either. Its dates are estimates ("2 hours ago", counted back from now) that change with every request.
API: https://docs.invidious.io/api/
"""

import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import requests

from core.bounded import BoundedAdapter, ResponseTooLarge
from core.errors import SourceBlocked, SourceUnavailable, connection_failed
from core.found_video import (
    CHANNEL_ID_LENGTH,
    CHANNEL_TITLE_LENGTH,
    DESCRIPTION_LENGTH,
    TITLE_LENGTH,
    FoundVideo,
    Values,
    from_timestamp,
    log_ignored,
    storable,
    thumbnail,
    whole,
)
from core.proxies import proxy_for

PAGES: Final = 2  # of 20 items each
MAX_ITEMS: Final = 100  # of a page that are read
TIMEOUT_SECONDS: Final = 10

# Challenges in front of public instances are aimed at clients that pretend to be browsers.
_HEADERS = {
    "User-Agent": "Windhover (self-hosted keyword watcher)",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
# "Error: non 200 status code. Youtube API returned status code 429. See <a href=..."
_YOUTUBE_BLOCKS_IT = re.compile(r"returned status code 429\b")


def search_videos(query: str, *, instance: str, pages: int = PAGES, deadline: float | None = None) -> list[FoundVideo]:
    """Return recent videos that match `query`, each once, newest first by their estimated dates.

    `instance` is the base URL of an Invidious instance. No further page is requested after `deadline` (of
    time.monotonic()). Raises SourceUnavailable or SourceBlocked if no page could be read.
    """
    found: dict[str, FoundVideo] = {}
    unreadable = False
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter())
        for page in range(1, pages + 1):
            try:
                items = _page(session, instance, query, page)
            except (SourceUnavailable, SourceBlocked):
                if not found:
                    raise
                break
            for item in items:
                if video := _found_video(item):
                    found.setdefault(video.video_id, video)
                elif not _is_another_kind(item):
                    unreadable = True
            if not items or (deadline is not None and time.monotonic() > deadline):
                break
    if unreadable and not found:
        # YouTube has changed its pages and this Invidious is too old for them, which is not the same as nothing new.
        raise SourceUnavailable("Invidious could not read YouTube's pages.", 200)
    log_ignored("Invidious", found.values())
    return sorted(found.values(), key=lambda video: video.published_at, reverse=True)


def _page(session: requests.Session, instance: str, query: str, page: int) -> list[Any]:
    # Without any filter, Invidious interprets operators such as user: in the query; type=video prevents that.
    parameters: dict[str, str | int] = {"q": query, "type": "video", "date": "today", "page": page}
    proxy = proxy_for(instance) or ""  # empty means none: the library must not read the environment itself
    try:
        answer = session.get(
            f"{instance}/api/v1/search",
            params=parameters,
            headers=_HEADERS,
            proxies={"http": proxy, "https": proxy},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except ResponseTooLarge as error:
        raise SourceUnavailable(f"Invidious' response {error}.") from None
    except (requests.RequestException, ValueError) as error:  # ValueError: an invalid Location header
        raise connection_failed("Invidious", error) from None
    status = answer.status_code
    if status in (401, 403, 407, 429) or 300 <= status < 400:
        raise SourceBlocked(f"Invidious refuses searches (HTTP {status}).", status)
    if status == 400 and _YOUTUBE_BLOCKS_IT.search(_error_text(answer.content)):
        raise SourceBlocked("YouTube blocks this Invidious instance (HTTP 429).", status)
    if status != 200:
        raise SourceUnavailable(f"Invidious is having problems (HTTP {status}).", status)
    # A challenge page is HTML with status 200: only a JSON list is a search result.
    if "json" not in answer.headers.get("Content-Type", ""):
        raise SourceBlocked("Invidious sent a web page instead of data.", status)
    try:
        items = json.loads(answer.content)  # not answer.json(), which guesses at encodings, slowly
    except (ValueError, RecursionError):
        raise SourceUnavailable("Invidious sent an unreadable answer.", status) from None
    if not isinstance(items, list):
        raise SourceBlocked("Invidious sent something other than a list.", status)
    return items[:MAX_ITEMS]


def _error_text(content: bytes) -> str:
    """Return the text of an error response, which may contain HTML and is never shown; "" if there is none."""
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return ""
    return error if isinstance(error, str) else ""


def _is_another_kind(item: object) -> bool:
    """Return whether an item is a channel, a playlist or the like, not a video or what could not be parsed."""
    kind = item.get("type") if isinstance(item, Mapping) else None
    return isinstance(kind, str) and kind not in ("video", "parse-error")


def _found_video(item: object) -> FoundVideo | None:
    """Return the video of a search item; None for channels, playlists and items that Invidious could not parse."""
    if not isinstance(item, Mapping) or item.get("type") != "video":
        return None
    video_id = item.get("videoId")
    if not isinstance(video_id, str) or not _VIDEO_ID.fullmatch(video_id):
        return None
    values = Values()
    published, length, views = item.get("published"), item.get("lengthSeconds"), item.get("viewCount")
    published_at = values.published(published, from_timestamp(published)) or values.now
    start = item.get("premiereTimestamp") or None  # 0 means unknown
    return FoundVideo(
        video_id=video_id,
        title=storable(item.get("title"), TITLE_LENGTH),
        description=storable(item.get("description"), DESCRIPTION_LENGTH),
        published_at=min(published_at, values.now),  # it is counted back from now by the instance's clock
        published_exact=False,
        channel_id=storable(item.get("authorId"), CHANNEL_ID_LENGTH),
        channel_title=storable(item.get("author"), CHANNEL_TITLE_LENGTH),
        # Invidious' own thumbnail URLs may be relative, and would load through the instance.
        thumbnail=thumbnail(video_id),
        live_state="live" if item.get("liveNow") is True else "upcoming" if item.get("isUpcoming") is True else "none",
        duration=values.duration(length, whole(length)),
        view_count=values.views(views, whole(views)) or None,  # 0 means unknown
        starts_at=values.start(start, from_timestamp(start)),
        ignored=values.ignored,
    )
