"""The part of the YouTube Data API v3 that a keyword watcher uses.

Responses follow the API's discovery document and recorded responses, including the quirks: search escapes titles as
HTML and cuts descriptions, `order=date` is only roughly sorted, totals are estimates, and unknown ids are omitted.
"""

import base64
import hashlib
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator import page_tokens, refusals, seeded, thumbnails
from simulator.clock import Clock
from simulator.content import Broadcast, Channel
from simulator.exchange import Refusal, Request, Response
from simulator.projects import Bucket, Projects
from simulator.queries import Query, fold, occurs
from simulator.streams import Video
from simulator.world import SEARCH_DEPTH, World

Item = dict[str, Any]

PREFIX = "/youtube/v3/"
# As recorded; clients must ignore them.
_HEADERS = {
    "cache-control": "private",
    "server": "scaffolding on HTTPServer2",
    "vary": "Origin, X-Origin, Referer",
}
# Parameters by method, from the discovery document; `general` are those of every Google API.
_PARAMETERS = {
    "general": """key alt fields prettyPrint quotaUser callback access_token oauth_token upload_protocol
        uploadType $.xgafv""",
    "search": """part q type order publishedAfter publishedBefore maxResults pageToken regionCode
        relevanceLanguage safeSearch channelId channelType eventType forContentOwner forDeveloper forMine
        location locationRadius onBehalfOfContentOwner topicId videoCaption videoCategoryId videoDefinition
        videoDimension videoDuration videoEmbeddable videoLicense videoPaidProductPlacement videoSyndicated
        videoType""",
    "videos": """part id chart hl locale maxHeight maxResults maxWidth myRating onBehalfOfContentOwner
        pageToken regionCode videoCategoryId""",
    "playlistItems": """part id maxResults onBehalfOfContentOwner pageToken playlistId videoId""",
    "channels": """part id categoryId forHandle forUsername hl managedByMe maxResults mine mySubscribers
        onBehalfOfContentOwner pageToken""",
}
_ORDERS = ("date", "rating", "relevance", "title", "videoCount", "viewCount")
_TYPES = frozenset({"video", "channel", "playlist"})
# The minimum, inclusive, and the maximum, exclusive, in seconds; (0, 0) does not filter.
_DURATIONS: dict[str | None, tuple[int, int]] = {
    None: (0, 0),
    "any": (0, 0),
    "short": (0, 240),
    "medium": (240, 1_200),
    "long": (1_200, 10**9),
}
# If a search is not limited to videos, a channel follows after this many videos.
_VIDEOS_PER_CHANNEL = 9
# Length of descriptions in search results, in characters.
_SNIPPET_LENGTH = 160
_THUMBNAILS = {
    "default": "default",
    "medium": "mqdefault",
    "high": "hqdefault",
    "standard": "sddefault",
    "maxres": "maxresdefault",
}


@dataclass(frozen=True)
class _Method:
    """A method of the API: its bucket, Google's name for it, and its implementation."""

    bucket: Bucket
    name: str
    answer: Callable[[Request, datetime], Item]


class YouTube:
    """Answer requests to the Data API from a world, at the clock's time, charging projects."""

    def __init__(self, world: World, clock: Clock, projects: Projects) -> None:
        self._world = world
        self._clock = clock
        self._projects = projects
        self._methods = {
            "search": _Method("search", "V3DataSearchService.List", self._search),
            "videos": _Method("general", "V3DataVideoService.List", self._videos),
            "playlistItems": _Method("general", "V3DataPlaylistItemService.List", self._playlist_items),
            "channels": _Method("general", "V3DataChannelService.List", self._channels),
        }

    def answer(self, request: Request) -> Response:
        """Answer a request whose path begins with `PREFIX`; errors are responses, too."""
        try:
            name = request.path.removeprefix(PREFIX)
            method = self._methods.get(name)
            if method is None or request.method != "GET":
                page = b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>"
                return Response(404, page, "text/html; charset=UTF-8")
            now = self._clock.now()
            self._charge(request, method, now)
            known = f"{_PARAMETERS[name]} {_PARAMETERS['general']}".split()
            for parameter in request.query:
                if parameter not in known:
                    raise refusals.unknown_parameter(parameter)
            if not request.each("part"):
                raise refusals.missing_part()
            return Response.of(_with_etag(method.answer(request, now)), headers=_HEADERS)
        except Refusal as refusal:
            return Response.of(refusal.body, refusal.status, headers=_HEADERS)

    def _charge(self, request: Request, method: _Method, now: datetime) -> None:
        """Charge the call to the key's project, or refuse it."""
        text = request.last("key") or request.headers.get("x-goog-api-key")
        if not text:
            raise refusals.missing_key()
        owner = self._projects.owner(text)
        if owner is None:
            raise refusals.unknown_key()
        project, key = owner
        valid = key.state == "valid"
        within_quota = valid and self._projects.spend(project, method.bucket, now)
        self._projects.count(key, refused=not within_quota)
        if not valid:
            raise refusals.bad_key(project, key, f"youtube.api.v3.{method.name}", "127.0.0.1")
        if not within_quota:
            raise refusals.quota_exhausted(project, method.bucket, now)

    # search.list

    def _search(self, request: Request, now: datetime) -> Item:
        per_page = _max_results(request)
        start = _page_start(request)
        order = request.last("order") or "relevance"
        types = set(request.each("type")) or _TYPES
        if order not in _ORDERS or not types <= _TYPES:
            raise refusals.bad_argument()
        results = self._results(request, now, order, types)
        page = results.items[start : start + per_page]
        end = start + per_page
        response: Item = {"kind": "youtube#searchListResponse", "etag": ""}
        if per_page and end < len(results.items):
            response["nextPageToken"] = page_tokens.encode(end)
        if start:
            response["prevPageToken"] = page_tokens.encode(max(0, start - per_page), previous=True)
        response["regionCode"] = request.last("regionCode") or "US"
        response["pageInfo"] = {"totalResults": _estimate(results.count, start), "resultsPerPage": per_page}
        moment = int(now.timestamp())
        response["items"] = [
            self._video_result(one, moment, request.root)
            if isinstance(one, Video)
            else self._channel_result(one, request.root)
            for one in page
        ]
        return response

    def _results(self, request: Request, now: datetime, order: str, types: Set[str]) -> "_Results":
        keep = self._filter(request, now, types)
        after, before = _time_parameter(request, "publishedAfter"), _time_parameter(request, "publishedBefore")
        text = request.last("q") or ""
        limit = self._world.or_limit
        if limit is not None and len(text) > limit and Query.parse(text).has_or:
            raise refusals.bad_query()
        moment = int(now.timestamp())
        # The other orders sort a larger number of the newest videos, but not all.
        depth = SEARCH_DEPTH + 50 if order == "date" else 4 * SEARCH_DEPTH
        found = self._world.find(text, moment, after=after, before=before, limit=depth, keep=keep)
        videos = sorted(found.videos, key=self._rank(order, moment))
        channels = [] if types == {"video"} else self._matching_channels(text)
        if types == {"channel"}:
            items: list[Video | Channel] = [*channels]
        elif "video" not in types:
            items = []
        else:
            items = [*videos]
            for position, channel in enumerate(channels, 1):
                items.insert(position * (_VIDEOS_PER_CHANNEL + 1) - 1, channel)
        count = found.count if after or before else 1_000_000
        return _Results(count, items[:SEARCH_DEPTH])

    def _rank(self, order: str, now: int) -> Callable[[Video], Any]:
        match order:
            case "date":
                return lambda video: -self._world.date_rank(video)
            case "viewCount" | "rating":
                return lambda video: -video.views(now)
            case "title":
                return lambda video: video.content.title
            case _:
                # Newer videos first, shuffled by up to 19 days.
                return lambda video: (now - video.published_at) / 86_400 + (video.seed >> 16) % 20

    def _filter(self, request: Request, now: datetime, types: Set[str]) -> Callable[[Video], bool] | None:
        """Return the filter that the parameters define, or None."""
        event, duration = request.last("eventType"), request.last("videoDuration")
        channel = request.last("channelId")
        if (event or any(name.startswith("video") for name in request.query)) and types != {"video"}:
            raise refusals.bad_search_filter()
        if channel and not (channel.startswith("UC") and len(channel) == 24):
            raise refusals.bad_argument()
        if event not in (None, "none", "upcoming", "live", "completed"):
            raise refusals.bad_argument()
        if duration not in _DURATIONS:
            raise refusals.bad_argument()
        shortest, longest = _DURATIONS[duration]
        if event in (None, "none") and not longest and not channel:
            return None
        moment = int(now.timestamp())

        def keep(video: Video) -> bool:
            if channel and video.channel.channel_id != channel:
                return False
            if longest and not shortest <= video.content.duration < longest:
                return False
            if event == "completed":
                return video.content.broadcast is not None and video.live(moment) == "none"
            return event in (None, "none") or video.live(moment) == event

        return keep

    def _matching_channels(self, text: str) -> list[Channel]:
        found: list[Channel] = []
        for terms in Query.parse(text).alternatives:
            for channel in self._world.channels(" ".join(terms)):
                title = fold(f"{channel.title} {channel.description}")
                if all(occurs(term, title) for term in terms):
                    found.append(channel)
        return found[:5]

    def _video_result(self, video: Video, now: int, root: str) -> Item:
        live = video.live(now)
        pictures = video_thumbnails(video.video_id, root, ("default", "medium", "high"), live)
        found = {"kind": "youtube#video", "videoId": video.video_id}
        title, description = video.content.title, video.content.description
        return _search_result(found, video.published_at, video.channel, title, description, pictures, live)

    def _channel_result(self, channel: Channel, root: str) -> Item:
        pictures = {size: {"url": picture["url"]} for size, picture in _channel_thumbnails(channel, root).items()}
        found = {"kind": "youtube#channel", "channelId": channel.channel_id}
        return _search_result(found, channel.created_at, channel, channel.title, channel.description, pictures)

    # videos.list

    def _videos(self, request: Request, now: datetime) -> Item:
        ids = request.each("id")
        if not ids:
            raise refusals.no_filter("id, chart, myRating")
        if len(ids) > 50 or "maxResults" in request.query or "pageToken" in request.query:
            raise refusals.bad_argument()
        parts = set(request.each("part"))
        found = [video for one in dict.fromkeys(ids) if (video := self._world.video(one, now))]
        items = [self._video(video, parts, int(now.timestamp()), request.root) for video in found]
        return _listing("youtube#videoListResponse", items, len(items), len(items))

    def _video(self, video: Video, parts: set[str], now: int, root: str) -> Item:
        content, live = video.content, video.live(now)
        item: Item = {"kind": "youtube#video", "etag": "", "id": video.video_id}
        if "snippet" in parts:
            item["snippet"] = {
                "publishedAt": _timestamp(video.published_at),
                "channelId": video.channel.channel_id,
                "title": content.title,
                "description": content.description,
                "thumbnails": video_thumbnails(video.video_id, root, tuple(_THUMBNAILS), live),
                "channelTitle": video.channel.title,
                "tags": list(content.tags),
                "categoryId": content.category,
                "liveBroadcastContent": live,
                "defaultLanguage": content.language,
                "localized": {"title": content.title, "description": content.description},
                "defaultAudioLanguage": content.language,
            }
        if "contentDetails" in parts:
            item["contentDetails"] = {
                "duration": "P0D" if live != "none" else _duration(content.duration),
                "dimension": "2d",
                "definition": "hd",
                "caption": "false",
                "licensedContent": bool(video.seed & 1),
                "contentRating": {},
                "projection": "rectangular",
            }
        if "status" in parts:
            item["status"] = {
                "uploadStatus": "uploaded" if live != "none" else "processed",
                "privacyStatus": "public",
                "license": "youtube",
                "embeddable": True,
                "publicStatsViewable": True,
                "madeForKids": False,
            }
        if "statistics" in parts:
            views = video.views(now)
            item["statistics"] = {
                "viewCount": str(views),
                "likeCount": str(views // 25),
                "favoriteCount": "0",
                "commentCount": str(views // 400),
            }
        if "liveStreamingDetails" in parts and content.broadcast:
            item["liveStreamingDetails"] = _live_details(video, content.broadcast, now)
        return _with_etag(item)

    # playlistItems.list, channels.list

    def _playlist_items(self, request: Request, now: datetime) -> Item:
        playlist = request.last("playlistId")
        if not playlist:
            raise refusals.no_filter("id, playlistId")
        channel = self._world.channel("UC" + playlist[2:]) if playlist.startswith("UU") else None
        if channel is None:
            raise refusals.no_such_playlist()
        per_page, start = _max_results(request), _page_start(request)
        parts = set(request.each("part"))
        uploads = self._world.uploads(channel, now)
        video_ids = set(request.each("videoId"))
        numbered = [(at, video) for at, video in enumerate(uploads) if not video_ids or video.video_id in video_ids]
        items = [
            self._playlist_item(video, at, channel, parts, int(now.timestamp()), request.root)
            for at, video in numbered[start : start + per_page]
        ]
        next_start = start + per_page if per_page and start + per_page < len(numbered) else None
        previous_start = max(0, start - per_page) if start else None
        return _listing("youtube#playlistItemListResponse", items, len(numbered), per_page, next_start, previous_start)

    def _playlist_item(
        self, video: Video, position: int, channel: Channel, parts: set[str], now: int, root: str
    ) -> Item:
        item_id = base64.urlsafe_b64encode(f"{channel.uploads}.{video.video_id}".encode()).decode().rstrip("=")
        item: Item = {"kind": "youtube#playlistItem", "etag": "", "id": item_id}
        published = _timestamp(video.published_at)
        if "snippet" in parts:
            item["snippet"] = {
                "publishedAt": published,
                "channelId": channel.channel_id,
                "title": video.content.title,
                "description": video.content.description,
                "thumbnails": video_thumbnails(video.video_id, root, tuple(_THUMBNAILS), video.live(now)),
                "channelTitle": channel.title,
                "playlistId": channel.uploads,
                "position": position,
                "resourceId": {"kind": "youtube#video", "videoId": video.video_id},
                "videoOwnerChannelTitle": channel.title,
                "videoOwnerChannelId": channel.channel_id,
            }
        if "contentDetails" in parts:
            item["contentDetails"] = {"videoId": video.video_id, "videoPublishedAt": published}
        if "status" in parts:
            item["status"] = {"privacyStatus": "public"}
        return _with_etag(item)

    def _channels(self, request: Request, now: datetime) -> Item:
        ids = request.each("id")
        if not ids:
            raise refusals.no_filter("id, forHandle, forUsername, mine, managedByMe, categoryId")
        if len(ids) > 50:
            raise refusals.bad_argument()
        parts = set(request.each("part"))
        found = [channel for one in dict.fromkeys(ids) if (channel := self._world.channel(one))]
        items = [self._channel(channel, parts, now, request.root) for channel in found]
        return _listing("youtube#channelListResponse", items, len(items), _max_results(request))

    def _channel(self, channel: Channel, parts: set[str], now: datetime, root: str) -> Item:
        item: Item = {"kind": "youtube#channel", "etag": "", "id": channel.channel_id}
        if "snippet" in parts:
            item["snippet"] = {
                "title": channel.title,
                "description": channel.description,
                "customUrl": "@" + "".join(filter(str.isalnum, channel.title)).lower(),
                "publishedAt": _timestamp(channel.created_at),
                "thumbnails": _channel_thumbnails(channel, root),
                "localized": {"title": channel.title, "description": channel.description},
                "country": "US",
            }
        if "contentDetails" in parts:
            item["contentDetails"] = {"relatedPlaylists": {"likes": "", "uploads": channel.uploads}}
        if "statistics" in parts:
            uploads = self._world.uploads(channel, now)
            item["statistics"] = {
                "viewCount": str(sum(video.views(int(now.timestamp())) for video in uploads)),
                "subscriberCount": str(channel.subscribers),
                "hiddenSubscriberCount": False,
                "videoCount": str(len(uploads)),
            }
        return _with_etag(item)


@dataclass(frozen=True)
class _Results:
    count: int
    items: list[Video | Channel]


def _search_result(
    found: Item, published_at: int, channel: Channel, title: str, description: str, pictures: Item, live: str = "none"
) -> Item:
    published = _timestamp(published_at)
    return _with_etag(
        {
            "kind": "youtube#searchResult",
            "etag": "",
            "id": found,
            "snippet": {
                "publishedAt": published,
                "channelId": channel.channel_id,
                "title": _escaped(title),
                "description": snippet(description),
                "thumbnails": pictures,
                "channelTitle": channel.title,
                "liveBroadcastContent": live,
                "publishTime": published,
            },
        }
    )


def snippet(description: str) -> str:
    """Return the start of a description as search shows it: one line, cut at a word, ` ...`."""
    line = " ".join(description.split())
    if len(line) <= _SNIPPET_LENGTH:
        return line
    return line[:_SNIPPET_LENGTH].rsplit(" ", 1)[0] + " ..."


def video_thumbnails(video_id: str, root: str, sizes: tuple[str, ...], live: str = "none") -> Item:
    """Return the thumbnails object of a video, with pictures served under `root`."""
    ending = ".jpg" if live == "none" else "_live.jpg"
    found = {}
    for size in sizes:
        width, height = thumbnails.SIZES[_THUMBNAILS[size]]
        url = f"{root}/vi/{video_id}/{_THUMBNAILS[size]}{ending}"
        found[size] = {"url": url, "width": width, "height": height}
    return found


def _channel_thumbnails(channel: Channel, root: str) -> dict[str, Item]:
    return {
        name: {"url": f"{root}/channel/{channel.channel_id}/s{side}.jpg", "width": side, "height": side}
        for name, side in (("default", 88), ("medium", 240), ("high", 800))
    }


def _listing(
    kind: str,
    items: list[Item],
    total: int,
    per_page: int,
    next_start: int | None = None,
    previous_start: int | None = None,
) -> Item:
    response: Item = {"kind": kind, "etag": ""}
    if next_start is not None:
        response["nextPageToken"] = page_tokens.encode(next_start)
    if previous_start is not None:
        response["prevPageToken"] = page_tokens.encode(previous_start, previous=True)
    response["items"] = items
    response["pageInfo"] = {"totalResults": total, "resultsPerPage": per_page}
    return response


def _live_details(video: Video, broadcast: Broadcast, now: int) -> Item:
    planned, started, ended = (
        video.published_at + offset for offset in (broadcast.planned, broadcast.started, broadcast.ended)
    )
    details: Item = {}
    if now >= started:
        details["actualStartTime"] = _timestamp(started)
    if now >= ended:
        details["actualEndTime"] = _timestamp(ended)
    details["scheduledStartTime"] = _timestamp(planned)
    if started <= now < ended:
        details["concurrentViewers"] = str(1 + video.views(now) // 20)
        details["activeLiveChatId"] = "Cg0KC" + video.video_id
    return details


def _with_etag(item: Item) -> Item:
    """Set the etag, derived from the content, 27 characters long as in current responses."""
    digest = hashlib.sha1(repr(item).encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    item["etag"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return item


def _escaped(text: str) -> str:
    """Escape a title as search does: with `&#39;` where Python would write `&#x27;`."""
    for letter, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(letter, entity)
    return text


def _timestamp(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(seconds: int) -> str:
    """Return an ISO 8601 duration in YouTube's form: `PT1H2M3S`, without zero parts."""
    units = ((seconds // 3600, "H"), (seconds // 60 % 60, "M"), (seconds % 60, "S"))
    written = "".join(f"{number}{unit}" for number, unit in units if number)
    return "PT" + (written or "0S")


def _time_parameter(request: Request, name: str) -> int | None:
    text = request.last(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in text.upper():
        raise refusals.bad_timestamp("published_after" if name == "publishedAfter" else "published_before")
    return int(moment.timestamp())


def _max_results(request: Request) -> int:
    text = request.last("maxResults")
    if text is None:
        return 5
    if not (text.isascii() and text.isdigit()) or int(text) > 50:
        raise refusals.out_of_range("maxResults", text, 0, 50)
    return int(text)


def _page_start(request: Request) -> int:
    text = request.last("pageToken")
    if not text:
        return 0
    try:
        return page_tokens.decode(text)
    except ValueError as error:
        raise refusals.bad_page_token() from error


def _estimate(count: int, start: int) -> int:
    """Return a total as YouTube does: approximate, capped, and different on each page."""
    return min(1_000_000, round(count * (1 + seeded.fraction("total", count, start) / 5)))
