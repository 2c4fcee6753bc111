"""The YouTube Data API v3, as far as Windhover needs it: search.list and videos.list.

Facts about the API: https://developers.google.com/youtube/v3/docs and its revision history. A search costs one
of the project's 100 searches a day, a videos.list call one of its 10,000 units.
"""

import html
import http.client
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httplib2
from googleapiclient.discovery import build

from core.bounded import BoundedResponse, TooMuch
from core.errors import SourceAway
from core.found_video import LIVE_STATES, FoundVideo, storable
from core.youtube_refusals import refusal

PAGE_SIZE: Final = 50  # the most that one call returns, and it costs no more than asking for fewer
TIMEOUT_SECONDS: Final = 10

_ONE_HTTP_PER_THREAD = threading.local()
# Real ids have 11 characters. Channel (24) and playlist (34) ids must not pass.
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_DURATION = re.compile(r"P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?")


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search: at most 50 videos, in the order YouTube gave them.

    `more` tells that more may lie behind it: YouTube gives a token, also behind short and empty pages, or the page
    came with as many items as were asked for.
    """

    videos: tuple[FoundVideo, ...]
    more: bool
    next_page_token: str | None


def search_videos(
    key: str,
    query: str,
    *,
    endpoint: str,
    published_after: datetime | None = None,
    published_before: datetime | None = None,
    page_token: str | None = None,
) -> SearchPage:
    """Search for the newest videos that match `query`; one search of the key's project.

    Dates are exact; the order is only roughly by date and the index lags by minutes to hours, so a caller must
    neither stop at the first known video nor trust that each item lies inside the window.
    Raises a SourceError.
    """
    answer = _call(
        key,
        endpoint,
        "search",
        part="snippet",
        q=query,
        type="video",
        order="date",
        maxResults=PAGE_SIZE,
        publishedAfter=_rfc3339(published_after),
        publishedBefore=_rfc3339(published_before),
        pageToken=page_token,
    )
    items = _items(answer)
    token = answer.get("nextPageToken")
    token = token if isinstance(token, str) and token else None
    return SearchPage(
        videos=tuple(video for item in items if (video := _from_search(item))),
        more=token is not None or len(items) >= PAGE_SIZE,
        next_page_token=token,
    )


def list_videos(key: str, video_ids: Iterable[str], *, endpoint: str) -> list[FoundVideo]:
    """Return all that YouTube tells of at most 50 videos; one unit of the key's project.

    Deleted, private and unknown ids are left out without a word. Raises a SourceError.
    """
    answer = _call(
        key,
        endpoint,
        "videos",
        part="snippet,contentDetails,statistics,liveStreamingDetails",
        id=",".join(video_ids),
    )
    return [video for item in _items(answer) if (video := _from_list(item))]


def _call(key: str, endpoint: str, resource: str, **parameters: str | int | None) -> dict[str, Any]:
    """Call `resource`.list and return its JSON object; every failure leaves as a SourceError."""
    try:
        # static_discovery is the default: the description of the API comes with the package, not the network.
        with build(
            "youtube", "v3", developerKey=key, http=_http(), client_options={"api_endpoint": endpoint}
        ) as service:
            answer = getattr(service, resource)().list(**parameters).execute(num_retries=0)
    except TooMuch as error:
        _forget_http()
        raise SourceAway(f"YouTube's answer {error}.") from None
    except (OSError, httplib2.HttpLib2Error, http.client.HTTPException) as error:
        _forget_http()
        raise SourceAway(f"YouTube could not be reached ({type(error).__name__}).") from None
    except (ValueError, RecursionError):
        raise SourceAway("YouTube's answer was not the JSON it promised.", 200) from None
    # A 200 whose body is not JSON comes back from the library as a str, a 204 as {}. A real answer that found
    # nothing still says what kind it is; taking anything else for "nothing new" would lose videos in silence.
    if not isinstance(answer, dict) or not answer.keys() & {"kind", "items"}:
        raise SourceAway("YouTube's answer was not the JSON it promised.", 200)
    if not isinstance(answer.get("items", []), list):
        raise SourceAway("YouTube's answer holds no list.", 200)
    return answer


class _PlainConnection(httplib2.HTTPConnectionWithTimeout):  # type: ignore[misc]
    response_class = BoundedResponse


class _SecureConnection(httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]
    response_class = BoundedResponse


class _Http(httplib2.Http):  # type: ignore[misc]
    """A connection that bounds answers, and reads refusals itself before the library does.

    The library's own reading fails on bodies of another shape (TypeError, IndexError, AttributeError), and its
    HttpError holds the address, which holds the key.
    """

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[httplib2.Response, bytes]:
        headers = {**(headers or {}), "accept-encoding": "identity"}
        more["connection_type"] = _SecureConnection if uri.lower().startswith("https:") else _PlainConnection
        response, content = super().request(uri, method, body, headers, **more)
        if response.status >= 300:
            raise refusal(response.status, content, response.get("retry-after", ""))
        return response, content


def _http() -> httplib2.Http:
    """Return this thread's connection: httplib2 is not safe to share between threads."""
    connection = getattr(_ONE_HTTP_PER_THREAD, "http", None)
    if connection is None:
        connection = _ONE_HTTP_PER_THREAD.http = _Http(timeout=TIMEOUT_SECONDS)
        connection.follow_redirects = False
    return connection


def _forget_http() -> None:
    """Begin with a new connection after a failure: a half-read answer must not meet the next question."""
    _ONE_HTTP_PER_THREAD.__dict__.pop("http", None)


def _items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [item for item in answer.get("items", []) if isinstance(item, Mapping)]


def _from_search(item: Mapping[str, Any]) -> FoundVideo | None:
    """Return the video of a search result, or None for channels, playlists and items without an id."""
    return _found_video(_mapping(item, "id").get("videoId"), item, title_escaped=True)


def _from_list(item: Mapping[str, Any]) -> FoundVideo | None:
    return _found_video(item.get("id"), item, title_escaped=False)


def _found_video(video_id: object, item: Mapping[str, Any], *, title_escaped: bool) -> FoundVideo | None:
    snippet = _mapping(item, "snippet")
    published_at = _date(snippet.get("publishedAt"))
    if not isinstance(video_id, str) or not _VIDEO_ID.fullmatch(video_id) or published_at is None:
        return None
    title = snippet.get("title")
    # Titles, and only titles, are HTML-escaped, and only in search.
    if title_escaped and isinstance(title, str):
        title = html.unescape(title)
    live_state = snippet.get("liveBroadcastContent")
    if live_state == "none" and "liveStreamingDetails" in item:
        live_state = "completed"
    return FoundVideo(
        video_id=video_id,
        title=storable(title, 500),
        description=storable(snippet.get("description"), 10_000),
        published_at=published_at,
        published_exact=True,
        channel_id=storable(snippet.get("channelId"), 100),
        channel_title=storable(snippet.get("channelTitle"), 200),
        thumbnail=_thumbnail(video_id, _mapping(snippet, "thumbnails")),
        live_state=live_state if live_state in LIVE_STATES else "none",
        duration=_seconds(_mapping(item, "contentDetails").get("duration")),
        view_count=_count(_mapping(item, "statistics").get("viewCount")),
        complete=not title_escaped,
    )


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _thumbnail(video_id: str, thumbnails: Mapping[str, Any]) -> str:
    """Return the address of the thumbnail nearest to a card's size; unknown and missing sizes are usual."""
    for size in ("high", "medium", "standard", "default"):
        url = _mapping(thumbnails, size).get("url")
        if isinstance(url, str) and url.startswith(("https://", "http://")) and len(url) <= 500:
            return storable(url, 500)
    return f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg"


def _rfc3339(moment: datetime | None) -> str | None:
    """Return `moment` as the API wants it: with a zone, or it answers 400."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _date(value: object) -> datetime | None:
    """Return an ISO 8601 moment in UTC; None if it has no zone, or is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _seconds(value: object) -> int | None:
    """Return an ISO 8601 duration such as PT1H2M3S in seconds; P0D, which live videos have, is unknown."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    return total if 0 < total < 2**31 else None


def _count(value: object) -> int | None:
    """Return a count, which the API writes as a string of digits."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
