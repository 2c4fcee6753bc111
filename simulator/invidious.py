"""The part of an Invidious instance (of 2026) that a search uses.

Follows the source of iv-org/invidious (routes/api/v1/search.cr, search/filters.cr, serialized_yt_data.cr):
dates are inferred from texts such as "3 hours ago" and change with every request, results are not sorted by date, and
parameters with unknown values are ignored.
"""

import html
import re
from datetime import datetime
from typing import Any

from simulator import seeded, thumbnails
from simulator.clock import Clock
from simulator.content import Channel
from simulator.exchange import Request, Response
from simulator.queries import Query
from simulator.streams import Video
from simulator.world import World
from simulator.youtube import snippet

Item = dict[str, Any]

PREFIX = "/api/v1/"
_JSON = "application/json"
_PER_PAGE = 20
# The units of relative dates, in seconds.
_UNITS = (
    ("year", 365 * 86_400),
    ("month", 30 * 86_400),
    ("week", 7 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
)
_WINDOWS = {"hour": 3_600, "today": 86_400, "week": 7 * 86_400, "month": 30 * 86_400, "year": 365 * 86_400}
_DURATIONS = {"short": (0, 240), "medium": (240, 1_200), "long": (1_200, 10**9)}
_FILTERS = ("sort", "date", "type", "duration", "features")
_OPERATOR = re.compile(r"\b(user|channel|date|type|sort|duration|features|subscriptions):\S*")
# Thumbnail files by quality.
_THUMBNAILS = {
    "maxres": "maxres",
    "maxresdefault": "maxresdefault",
    "sddefault": "sddefault",
    "high": "hqdefault",
    "medium": "mqdefault",
    "default": "default",
    "start": "1",
    "middle": "2",
    "end": "3",
}
_AVATARS = (32, 48, 76, 100, 176, 512)


class Invidious:
    """Answer requests to an Invidious instance from a world, at the clock's time.

    `relative_thumbnails` imitates an instance without a configured domain; with `parse_errors` about every fifteenth
    item is one that Invidious could not parse.
    """

    def __init__(
        self, world: World, clock: Clock, *, relative_thumbnails: bool = False, parse_errors: bool = False
    ) -> None:
        self._world = world
        self._clock = clock
        self._relative_thumbnails = relative_thumbnails
        self._parse_errors = parse_errors

    def answer(self, request: Request) -> Response:
        """Answer a request whose path begins with `PREFIX`."""
        now = self._clock.now()
        root = "" if self._relative_thumbnails else request.root
        name = request.path.removeprefix(PREFIX)
        if name == "search":
            return Response.of(self._search(request, now, root), content_type=_JSON)
        if name == "stats":
            return Response.of(_stats(now), content_type=_JSON)
        if name.startswith("videos/"):
            video = self._world.video(name.removeprefix("videos/"), now)
            if video is None:
                return _error(404, "This video is not available")
            return Response.of(self._details(video, int(now.timestamp()), root), content_type=_JSON)
        return _error(404, "Not found")

    def _search(self, request: Request, now: datetime, root: str) -> list[Item]:
        text = (request.last("q") or request.last("search_query") or "").strip()
        filters = {name: (request.last(name) or "").lower() for name in _FILTERS}
        if not any(filters.values()) and re.search(r"\w:\w", text):
            # Without a filter, Invidious interprets its own operators in the query.
            text = " ".join(_OPERATOR.sub("", text).split())
        if not text:
            return []
        moment = int(now.timestamp())
        videos = self._matching(text, moment, filters)
        items: list[Item] = []
        if filters["type"] not in ("video", "channel", "playlist", "movie", "show"):
            items = [self._channel(channel, root) for channel in self._channels(text)[:1]]
        if filters["type"] == "channel":
            items = [self._channel(channel, root) for channel in self._channels(text)]
        elif filters["type"] not in ("playlist", "movie", "show"):
            items += [self._video(video, moment, root) for video in videos]
        page = request.last("page") or "1"
        start = (max(1, int(page)) - 1) * _PER_PAGE if page.isascii() and page.isdigit() else 0
        return items[start : start + _PER_PAGE]

    def _matching(self, text: str, now: int, filters: dict[str, str]) -> list[Video]:
        window = _WINDOWS.get(filters["date"])
        shortest, longest = _DURATIONS.get(filters["duration"], (0, 10**9))
        live = "live" in filters["features"].split(",")

        def keep(video: Video) -> bool:
            return shortest <= video.content.duration < longest and (not live or video.live(now) == "live")

        found = self._world.find(
            text,
            now,
            after=now - window if window else None,
            keep=keep if live or filters["duration"] in _DURATIONS else None,
        ).videos
        if filters["sort"] == "views":
            return sorted(found, key=lambda video: -video.views(now))
        # Roughly newest first: shuffled by up to ten days.
        return sorted(
            found,
            key=lambda video: (now - video.published_at) / 86_400 + 10 * ((video.seed >> 12) % 1000 / 1000),
        )

    def _channels(self, text: str) -> list[Channel]:
        alternatives = Query.parse(text).alternatives
        return self._world.channels(" ".join(alternatives[0]))[:5] if alternatives else []

    def _video(self, video: Video, now: int, root: str) -> Item:
        if self._parse_errors and seeded.number("parse error", video.video_id) % 15 == 0:
            return parse_error(video.video_id)
        live = video.live(now)
        # A live or upcoming stream has no "3 hours ago"; Invidious then uses the current time.
        published, ago = (now, "0 seconds ago") if live != "none" else _relative_date(video.published_at, now)
        views = 0 if live != "none" else video.views(now)
        description = snippet(video.content.description)
        item: Item = {
            "type": "video",
            "title": video.content.title,
            "videoId": video.video_id,
            **_author(video.channel),
            "authorThumbnails": _author_thumbnails(video.channel, root),
            "videoThumbnails": _video_thumbnails(video.video_id, root),
            "description": description,
            "descriptionHtml": _as_html(description),
            "viewCount": views,
            "viewCountText": _views_text(views),
            "published": published,
            "publishedText": ago,
            "lengthSeconds": 0 if live != "none" else video.content.duration,
            # As recorded for live streams.
            "liveNow": False,
            "premium": False,
            "isUpcoming": live == "upcoming",
        }
        if live == "upcoming" and video.content.broadcast:
            item["premiereTimestamp"] = video.published_at + video.content.broadcast.planned
        return item | {
            "isNew": now - video.published_at < 86_400,
            "is4k": False,
            "is8k": False,
            "isVr180": False,
            "isVr360": False,
            "is3d": False,
            "hasCaptions": bool(video.seed & 2),
        }

    def _channel(self, channel: Channel, root: str) -> Item:
        return {
            "type": "channel",
            **_author(channel),
            "authorThumbnails": _author_thumbnails(channel, root),
            "autoGenerated": False,
            "subCount": channel.subscribers,
            "videoCount": 0,
            "channelHandle": "@" + "".join(filter(str.isalnum, channel.title)).lower(),
            "description": snippet(channel.description),
            "descriptionHtml": _as_html(snippet(channel.description)),
        }

    def _details(self, video: Video, now: int, root: str) -> Item:
        live = video.live(now)
        views = video.views(now)
        author = _author(video.channel)
        return {
            "type": "video",
            "title": video.content.title,
            "videoId": video.video_id,
            "videoThumbnails": _video_thumbnails(video.video_id, root),
            "storyboards": [],
            "description": video.content.description,
            "descriptionHtml": _as_html(video.content.description),
            "published": video.published_at,
            "publishedText": _relative_date(video.published_at, now)[1],
            "keywords": list(video.content.tags),
            "viewCount": views,
            "likeCount": views // 25,
            "dislikeCount": 0,
            "paid": False,
            "premium": False,
            "isFamilyFriendly": True,
            "allowedRegions": ["DE", "JP", "US"],
            "genre": "Education",
            "genreUrl": None,
            **author,
            "authorThumbnails": _author_thumbnails(video.channel, root),
            "subCountText": str(video.channel.subscribers),
            "lengthSeconds": 0 if live != "none" else video.content.duration,
            "allowRatings": True,
            "rating": 0,
            "isListed": True,
            "liveNow": live == "live",
            "isPostLiveDvr": False,
            "isUpcoming": live == "upcoming",
            "adaptiveFormats": [],
            "formatStreams": [],
            "captions": [],
            "recommendedVideos": [],
        }


def parse_error(video_id: str) -> Item:
    """Return the item that replaces one that Invidious could not parse."""
    return {
        "type": "parse-error",
        "errorMessage": f'Missing hash key: "text" (KeyError) in {video_id}',
        "errorBacktrace": "src/invidious/yt_backend/extractors.cr:217",
    }


def _error(status: int, message: str) -> Response:
    return Response.of({"error": message}, status, _JSON)


def _stats(now: datetime) -> Item:
    moment = int(now.timestamp())
    return {
        "version": "2.0",
        "software": {"name": "invidious", "version": "2.20260804.1-simulator", "branch": "master"},
        "openRegistrations": False,
        "usage": {"users": {"total": 3, "activeHalfyear": 2, "activeMonth": 1}},
        "metadata": {"updatedAt": moment - 60, "lastChannelRefreshedAt": moment - 900},
        "playback": {},
    }


def _relative_date(published_at: int, now: int) -> tuple[int, str]:
    """Return the date that Invidious infers, and the text from which it does: whole units, counted back from now."""
    age = max(0, now - published_at)
    for unit, length in _UNITS:
        number = age // length
        if number or unit == "second":
            return now - number * length, f"{number} {unit}{'' if number == 1 else 's'} ago"
    raise AssertionError("unreachable")


def _author(channel: Channel) -> Item:
    return {
        "author": channel.title,
        "authorId": channel.channel_id,
        "authorUrl": f"/channel/{channel.channel_id}",
        "authorVerified": channel.subscribers > 20_000,
    }


def _author_thumbnails(channel: Channel, root: str) -> list[Item]:
    return [
        {"url": f"{root}/channel/{channel.channel_id}/s{side}.jpg", "width": side, "height": side} for side in _AVATARS
    ]


def _video_thumbnails(video_id: str, root: str) -> list[Item]:
    found = []
    for quality, name in _THUMBNAILS.items():
        width, height = thumbnails.SIZES[name]
        url = f"{root}/vi/{video_id}/{name}.jpg"
        found.append({"quality": quality, "url": url, "width": width, "height": height})
    return found


def _as_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _views_text(views: int) -> str:
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if views >= size:
            return f"{views / size:.1f}{letter} views"
    return f"{views} views"
