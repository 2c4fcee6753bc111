"""Search through an Invidious instance, the fallback that the operator chooses.

It finds some recent matching videos, never surely the newest: YouTube's site can no longer be sorted by date, so
Invidious cannot either. Its dates are guesses ("2 hours ago" counted back from now) that move with every poll.
API: https://docs.invidious.io/api/
"""

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import requests
import requests.adapters

from core.bounded import BoundedResponse, TooMuch
from core.errors import SourceAway, SourceBlocked
from core.found_video import FoundVideo, storable

PAGES: Final = 2  # of 20 items each
TIMEOUT_SECONDS: Final = 10

# An honest name: challenges in front of public instances aim at those who pretend to be browsers.
_HEADERS = {
    "User-Agent": "Windhover/1.0 (self-hosted keyword watcher)",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
# "Error: non 200 status code. Youtube API returned status code 429. See <a href=..."
_YOUTUBE_BLOCKS_IT = re.compile(r"returned status code 429\b")


def search_videos(query: str, *, instance: str, pages: int = PAGES, deadline: float | None = None) -> list[FoundVideo]:
    """Return recent videos that match `query`, newest guess first, each once.

    `instance` is the address of an Invidious instance. After `deadline`, on the clock of time.monotonic(), no
    further page is asked for. Raises SourceAway or SourceBlocked if not even one page came.
    """
    found: dict[str, FoundVideo] = {}
    unreadable = False
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, _BoundedAdapter())
        for page in range(1, pages + 1):
            try:
                items = _page(session, instance, query, page)
            except (SourceAway, SourceBlocked):
                if not found:
                    raise
                break
            for item in items:
                if video := _found_video(item):
                    found.setdefault(video.video_id, video)
            unreadable = unreadable or any(_is_parse_error(item) for item in items)
            if not items or (deadline is not None and time.monotonic() > deadline):
                break
    if unreadable and not found:
        # YouTube has changed its pages and this Invidious is too old for them; that is not the same as nothing new.
        raise SourceAway("Invidious could not read what YouTube answered.", 200)
    return sorted(found.values(), key=lambda video: video.published_at, reverse=True)


class _BoundedAdapter(requests.adapters.HTTPAdapter):
    """Make connections whose answers are bounded, directly or through a proxy."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = pool.ConnectionCls
        if kind.response_class is not BoundedResponse:
            pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": BoundedResponse})
        return pool


def _page(session: requests.Session, instance: str, query: str, page: int) -> list[Any]:
    # type=video is not only a filter: without any, Invidious reads operators such as user: out of the query.
    parameters: dict[str, str | int] = {"q": query, "type": "video", "date": "today", "page": page}
    try:
        answer = session.get(
            f"{instance}/api/v1/search",
            params=parameters,
            headers=_HEADERS,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except TooMuch as error:
        raise SourceAway(f"Invidious' answer {error}.") from None
    except (requests.RequestException, ValueError) as error:  # ValueError: a Location that is no address
        raise SourceAway(f"Invidious could not be reached ({type(error).__name__}).") from None
    status = answer.status_code
    if status in (401, 403, 407, 429) or 300 <= status < 400:
        raise SourceBlocked(f"Invidious does not let us search (HTTP {status}).", status)
    if status == 400 and _YOUTUBE_BLOCKS_IT.search(_told(answer.content)):
        raise SourceBlocked("YouTube does not let this Invidious search (its HTTP 429).", status)
    if status != 200:
        raise SourceAway(f"Invidious could not search (HTTP {status}).", status)
    # A challenge page comes with 200 and HTML: only JSON that is a list is an answer.
    if "json" not in answer.headers.get("Content-Type", ""):
        raise SourceBlocked("Invidious answered with a page instead of data.", status)
    try:
        items = json.loads(answer.content)  # not answer.json(), which guesses at encodings, slowly
    except (ValueError, RecursionError):
        raise SourceAway("Invidious' answer was not the JSON it promised.", status) from None
    if not isinstance(items, list):
        raise SourceBlocked("Invidious answered with something other than a list.", status)
    return items


def _told(content: bytes) -> str:
    """Return the error that a refusal tells, which may hold HTML and is never shown; "" if it tells none."""
    try:
        told = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return ""
    return told if isinstance(told, str) else ""


def _is_parse_error(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "parse-error"


def _found_video(item: object) -> FoundVideo | None:
    """Return the video of a search item, or None for channels, playlists and items it could not parse."""
    if not isinstance(item, Mapping) or item.get("type") != "video":
        return None
    video_id, published = item.get("videoId"), item.get("published")
    if not isinstance(video_id, str) or not _VIDEO_ID.fullmatch(video_id):
        return None
    try:
        published_at = datetime.fromtimestamp(published, UTC) if isinstance(published, int) else datetime.now(UTC)
    except (ValueError, OverflowError, OSError):
        published_at = datetime.now(UTC)
    return FoundVideo(
        video_id=video_id,
        title=storable(item.get("title"), 500),
        description=storable(item.get("description"), 10_000),
        published_at=published_at,
        published_exact=False,
        channel_id=storable(item.get("authorId"), 100),
        channel_title=storable(item.get("author"), 200),
        # Its own thumbnails may be relative, and would go through the instance.
        thumbnail=f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg",
        live_state="live" if item.get("liveNow") is True else "upcoming" if item.get("isUpcoming") is True else "none",
        duration=_natural(item.get("lengthSeconds"), 2**31),
        view_count=_natural(item.get("viewCount"), 2**63),
    )


def _natural(value: object, below: int) -> int | None:
    """Return a positive number; 0 is what Invidious says when it does not know."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < below else None
