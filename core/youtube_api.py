"""The parts of the YouTube Data API v3 that Windhover uses: search.list and videos.list.

Source: https://developers.google.com/youtube/v3/docs and its revision history. A search uses one of the project's
100 searches per day, a videos.list call one of its 10,000 units.
"""

import html
import logging
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httplib2
import socks
from googleapiclient.discovery import build

from core.bounded import BoundedResponse, ResponseTooLarge
from core.errors import SourceError, SourceUnavailable, connection_failed
from core.found_video import (
    CHANNEL_ID_LENGTH,
    CHANNEL_TITLE_LENGTH,
    DESCRIPTION_LENGTH,
    FIRST_VIDEO,
    LIVE_STATES,
    TAG_LENGTH,
    TAGS,
    TITLE_LENGTH,
    FoundVideo,
    Values,
    log_ignored,
    storable,
    thumbnail,
    whole,
)
from core.proxies import proxy_for
from core.youtube_refusals import refusal

logger = logging.getLogger(__name__)

PAGE_SIZE: Final = 50  # the maximum; a smaller page costs the same
TIMEOUT_SECONDS: Final = 10

# Video ids have 11 characters, which the API does not promise. Channel (24) and playlist (34) ids must not match.
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_DURATION = re.compile(r"P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?")


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of search results: at most 50 videos, in YouTube's order.

    `more` says that further results may exist: YouTube gave a token, which it also does with short and empty pages,
    or the page is full. `sent_at` is the time by YouTube's clock, None if the response does not say it.
    """

    videos: tuple[FoundVideo, ...]
    more: bool
    next_page_token: str | None
    sent_at: datetime | None = field(default=None, compare=False)


def search_videos(
    key: str,
    query: str,
    *,
    endpoint: str,
    published_after: datetime | None = None,
    published_before: datetime | None = None,
    page_token: str | None = None,
    thumbnail_origins: Collection[str] = (),
) -> SearchPage:
    """Search for the newest videos that match `query`. Uses one search of the key's project.

    `thumbnail_origins` are the origins, in addition to YouTube's image server, of thumbnails that pages may show.
    Dates are exact, but the order is only roughly by date and the index lags by minutes to hours. So a caller must
    not stop at the first known video, nor assume that each video lies within the requested dates.
    Raises SourceError.
    """
    answer, sent_at = _call(
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
    token = answer.get("nextPageToken")
    token = token if isinstance(token, str) and token and token.isascii() else None
    return SearchPage(
        videos=_videos(answer, thumbnail_origins, from_search=True),
        more=token is not None or len(_sent(answer)) >= PAGE_SIZE,
        next_page_token=token,
        sent_at=sent_at,
    )


def list_videos(
    key: str, video_ids: Iterable[str], *, endpoint: str, thumbnail_origins: Collection[str] = ()
) -> list[FoundVideo]:
    """Return the full data of at most 50 videos. Uses one unit of the key's project.

    YouTube leaves out deleted, private and unknown ids without an error. Raises SourceError.
    """
    answer, _ = _call(
        key,
        endpoint,
        "videos",
        part="snippet,contentDetails,statistics,liveStreamingDetails",
        id=",".join(video_ids),
    )
    return list(_videos(answer, thumbnail_origins, from_search=False))


def server_time(endpoint: str) -> datetime | None:
    """Return the time by YouTube's clock; None if its response does not say it. Raises SourceUnavailable.

    Asks without a key for what does not exist, which uses no quota.
    """
    http = _Http(timeout=TIMEOUT_SECONDS)
    http.follow_redirects = False
    try:
        http.request(f"{endpoint}/")
    except SourceError:
        pass
    except ResponseTooLarge as error:
        raise SourceUnavailable(f"YouTube's response {error}.") from None
    except (OSError, httplib2.HttpLib2Error, HTTPException) as error:
        raise connection_failed("YouTube", error) from None
    finally:
        http.close()
    return _http_date(http.date)


def prepare(endpoint: str) -> None:
    """Build the client of the API, which processes that are forked afterwards share."""
    _service(endpoint)


def _call(
    key: str, endpoint: str, resource: str, **parameters: str | int | None
) -> tuple[dict[str, Any], datetime | None]:
    """Call `resource`.list; return its JSON object, and its Date header. Raises SourceError on any failure."""
    # One connection for each call: on one that is kept open, httplib2 would send some requests twice.
    http = _Http(timeout=TIMEOUT_SECONDS)
    http.follow_redirects = False
    try:
        answer = getattr(_service(endpoint), resource)().list(key=key, **parameters).execute(http, num_retries=0)
    except ResponseTooLarge as error:
        raise SourceUnavailable(f"YouTube's response {error}.") from None
    except (OSError, httplib2.HttpLib2Error, HTTPException) as error:
        raise connection_failed("YouTube", error) from None
    except (ValueError, RecursionError):
        raise SourceUnavailable("YouTube sent an unreadable answer.", 200) from None
    finally:
        http.close()
    # The library returns a 200 whose body is not JSON as a str, and a 204 as {}. A valid response without results
    # still has a `kind`; treating anything else as "nothing new" would lose videos silently.
    if isinstance(answer, dict) and answer.keys() & {"kind", "items"} and isinstance(answer.get("items", []), list):
        return answer, _http_date(http.date)
    raise SourceUnavailable("YouTube sent an unreadable answer.", 200)


@cache
def _service(endpoint: str) -> Any:
    """Return the library's client of the API: building it takes longer than a call, so all calls share it.

    static_discovery is the default: the API's description comes with the package, not from the network. Each call
    brings its own key and HTTP client.
    """
    return build("youtube", "v3", http=_Http(), client_options={"api_endpoint": endpoint})


class _PlainConnection(httplib2.HTTPConnectionWithTimeout):  # type: ignore[misc]
    response_class = BoundedResponse


class _SecureConnection(httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]
    response_class = BoundedResponse


class _Http(httplib2.Http):  # type: ignore[misc]
    """An HTTP client that caps responses, and reads error responses before the library does.

    The library fails on error bodies of an unexpected shape (TypeError, IndexError, AttributeError), and its
    HttpError contains the URL, which contains the key. `date` is the Date header of the last response.
    """

    date = ""

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[httplib2.Response, bytes]:
        headers = {**(headers or {}), "accept-encoding": "identity"}
        self.proxy_info = _proxy_info(uri)
        more["connection_type"] = _SecureConnection if uri.lower().startswith("https:") else _PlainConnection
        response, content = super().request(uri, method, body, headers, **more)
        self.date = response.get("date", "")
        if response.status >= 300:
            raise refusal(response.status, content, response.get("retry-after", ""))
        return response, content


def _proxy_info(url: str) -> httplib2.ProxyInfo | None:
    """Return httplib2's form of the proxy for `url`: its own reading of the environment decodes no password."""
    if not (proxy := proxy_for(url)):
        return None
    parts = urlsplit(proxy)
    kind = {"socks4": socks.SOCKS4, "socks4a": socks.SOCKS4, "socks5": socks.SOCKS5, "socks5h": socks.SOCKS5}
    return httplib2.ProxyInfo(
        kind.get(parts.scheme, socks.HTTP),
        parts.hostname,
        parts.port or (1080 if parts.scheme in kind else 80),
        # These two look up names on this machine, the others at the proxy.
        proxy_rdns=parts.scheme not in ("socks4", "socks5"),
        proxy_user=unquote(parts.username) if parts.username else None,
        proxy_pass=unquote(parts.password) if parts.password else None,
    )


def _videos(
    answer: Mapping[str, Any], thumbnail_origins: Collection[str], *, from_search: bool
) -> tuple[FoundVideo, ...]:
    """Return the videos of one page. Raises SourceUnavailable if there are items, but no video can be read, and not all
    are channels and playlists."""
    videos, unreadable = list[FoundVideo](), 0
    for item in _sent(answer):
        video_id = _video_id(item, from_search=from_search)
        if isinstance(video_id, str) and _VIDEO_ID.fullmatch(video_id):
            videos.append(_found_video(video_id, item, thumbnail_origins, from_search=from_search))
        elif not (from_search and _is_another_kind(item)):
            unreadable += 1
    if unreadable and not videos:
        # Taking these for a page without videos would lose videos silently.
        raise SourceUnavailable("YouTube sent an unreadable answer.", 200)
    log_ignored("YouTube", videos)
    if unreadable:
        logger.warning("items from YouTube that could not be read: %d", unreadable)
    return tuple(videos)


def _sent(answer: Mapping[str, Any]) -> list[Any]:
    sent: list[Any] = answer.get("items", [])
    return sent[:PAGE_SIZE]


def _video_id(item: object, *, from_search: bool) -> object:
    if not isinstance(item, Mapping):
        return None
    return _mapping(item, "id").get("videoId") if from_search else item.get("id")


def _is_another_kind(item: object) -> bool:
    """Return whether a search result is a channel or playlist."""
    identity = _mapping(item, "id") if isinstance(item, Mapping) else {}
    return any(isinstance(identity.get(name), str) for name in ("channelId", "playlistId"))


def _found_video(
    video_id: str, item: Mapping[str, Any], thumbnail_origins: Collection[str], *, from_search: bool
) -> FoundVideo:
    values, snippet = Values(), _mapping(item, "snippet")
    title = snippet.get("title")
    # Only titles are HTML-escaped, and only by search.list.
    if from_search and isinstance(title, str):
        # Cut first, as Python refuses to read numbers of thousands of digits; a character is sent as at most 6.
        title = html.unescape(title[: 6 * TITLE_LENGTH])
    sent_state = snippet.get("liveBroadcastContent")
    live_state = values.live_state(sent_state)
    if sent_state == "none" and isinstance(item.get("liveStreamingDetails"), Mapping):
        live_state = "completed"
    published, duration = snippet.get("publishedAt"), _mapping(item, "contentDetails").get("duration")
    published_at = values.published(published, _date(published))
    views = _mapping(item, "statistics").get("viewCount")
    return FoundVideo(
        video_id=video_id,
        title=storable(title, TITLE_LENGTH),
        description=storable(snippet.get("description"), DESCRIPTION_LENGTH),
        published_at=published_at or values.now,
        published_exact=published_at is not None,
        channel_id=storable(snippet.get("channelId"), CHANNEL_ID_LENGTH),
        channel_title=storable(snippet.get("channelTitle"), CHANNEL_TITLE_LENGTH),
        thumbnail=thumbnail(video_id, _thumbnails(snippet), thumbnail_origins),
        live_state=live_state,
        duration=values.duration(duration, _seconds(duration)),
        view_count=values.views(views, _count(views)),
        starts_at=_start(values, _mapping(item, "liveStreamingDetails")),
        tags=_tags(snippet),
        # Otherwise it is requested again.
        complete=not from_search and published_at is not None and _is_whole(snippet),
        ignored=values.ignored,
    )


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _is_whole(snippet: Mapping[str, Any]) -> bool:
    """Return whether all is there, and valid, that videos.list always gives: even an empty description, but tags only
    if there are any."""
    texts = (snippet.get(name) for name in ("title", "description"))
    known_state = snippet.get("liveBroadcastContent") in LIVE_STATES
    return known_state and all(isinstance(text, str) for text in texts) and isinstance(snippet.get("tags", []), list)


def _thumbnails(snippet: Mapping[str, Any]) -> list[object]:
    """Return the URLs of a video's thumbnails, nearest to a card's size first; sizes are often missing."""
    thumbnails = _mapping(snippet, "thumbnails")
    return [_mapping(thumbnails, size).get("url") for size in ("high", "medium", "standard", "default")]


def _tags(snippet: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a video's tags, which only videos.list gives, and not for videos without any."""
    tags = snippet.get("tags")
    cut = [storable(tag, TAG_LENGTH) for tag in tags[:TAGS]] if isinstance(tags, list) else []
    return tuple(filter(None, cut))


def _start(values: Values, details: Mapping[str, Any]) -> datetime | None:
    """Return when a premiere or stream started, else when it is planned to start."""
    actual, scheduled = details.get("actualStartTime"), details.get("scheduledStartTime")
    return values.published(actual, _date(actual)) or values.start(scheduled, _date(scheduled))


def _rfc3339(moment: datetime | None) -> str | None:
    """Return `moment` in the form the API requires: without a time zone it answers 400."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z" if moment else None


def _date(value: object) -> datetime | None:
    """Return an ISO 8601 date and time in UTC; None if it is invalid or has no time zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _http_date(value: str) -> datetime | None:
    """Return the time of a Date header, such as "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7)."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.astimezone(UTC) if moment.tzinfo and moment.astimezone(UTC) > FIRST_VIDEO else None
    except (ValueError, OverflowError):
        return None


def _seconds(value: object) -> int | None:
    """Return an ISO 8601 duration such as PT1H2M3S in seconds; 0 for P0D, which live videos have."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds


def _count(value: object) -> int | None:
    """Return a count, which the API sends as a string of digits."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
    return whole(value)
