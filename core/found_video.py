"""FoundVideo: a video as any source describes it, and which of a source's values are plausible.

A source is not trusted with single values: what cannot be true becomes unknown, and is counted. The video itself is
kept. The bounds are far from every real value, so that only implausible values are dropped.
"""

import logging
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

logger = logging.getLogger(__name__)

# What a database or JSON cannot hold: NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 does).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

LIVE_STATES = ("none", "upcoming", "live", "completed")

TITLE_LENGTH: Final = 500
DESCRIPTION_LENGTH: Final = 10_000
CHANNEL_ID_LENGTH: Final = 100
CHANNEL_TITLE_LENGTH: Final = 200
THUMBNAIL_LENGTH: Final = 500
# YouTube accepts 500 characters of tags in all.
TAGS: Final = 500
TAG_LENGTH: Final = 500

# YouTube's image server. Pages show thumbnails only from there and from origins that the settings name.
IMAGES: Final = "https://i.ytimg.com"

FIRST_VIDEO: Final = datetime(2005, 4, 23, tzinfo=UTC)  # "Me at the zoo"
MAX_DATE_AHEAD: Final = timedelta(days=1)  # how far a source's clock may be ahead of ours
MAX_START_AHEAD: Final = timedelta(days=5 * 365)  # some channels plan streams years ahead
MAX_DURATION: Final = 10 * 365 * 86_400  # seconds; the longest streams ran for some years
MAX_VIEWS: Final = 10**12  # the record of 2026 is a sixtieth of it


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """One video as a source described it.

    `published_exact` is False if the source only estimates the date (Invidious), or gave none. `complete` is True if
    the source gave everything it knows (videos.list): the exact date, the whole description, tags, duration, views. An
    answer that lacks what the source always gives is not complete, since missing and empty texts look alike here.
    `duration` is in seconds, None if unknown. `starts_at` is when a premiere or stream started, or is planned to
    start. `tags` are empty if they are unknown. `ignored` is the number of implausible values that became unknown.
    """

    video_id: str
    title: str
    description: str
    published_at: datetime
    published_exact: bool
    channel_id: str
    channel_title: str
    thumbnail: str
    live_state: str = "none"
    duration: int | None = None
    view_count: int | None = None
    starts_at: datetime | None = None
    tags: tuple[str, ...] = ()
    complete: bool = False
    ignored: int = 0


class Values:
    """Read the values of one video: an implausible one becomes unknown and is counted in `ignored`.

    None means that the source did not send a value, which is not counted.
    """

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.ignored = 0

    def published(self, sent: object, moment: datetime | None) -> datetime | None:
        """Return `moment`, which was read from the value `sent`, if a video can be published then."""
        return self._date(sent, moment, MAX_DATE_AHEAD)

    def start(self, sent: object, moment: datetime | None) -> datetime | None:
        """Return `moment`, which was read from the value `sent`, if a premiere or stream can start then."""
        return self._date(sent, moment, MAX_START_AHEAD)

    def duration(self, sent: object, seconds: int | None) -> int | None:
        """Return `seconds`, which was read from the value `sent`, if a video can be so long; None for 0."""
        return self._number(sent, seconds, MAX_DURATION) or None

    def views(self, sent: object, number: int | None) -> int | None:
        return self._number(sent, number, MAX_VIEWS)

    def live_state(self, sent: object) -> str:
        if sent in LIVE_STATES:
            return str(sent)
        self.ignored += sent is not None
        return "none"

    def _date(self, sent: object, moment: datetime | None, ahead: timedelta) -> datetime | None:
        if moment and FIRST_VIDEO <= moment <= self.now + ahead:
            return moment
        self.ignored += sent is not None
        return None

    def _number(self, sent: object, number: int | None, most: int) -> int | None:
        if number is not None and 0 <= number <= most:
            return number
        self.ignored += sent is not None
        return None


def log_ignored(source: str, videos: Collection[FoundVideo]) -> None:
    """Log how many implausible values a response from `source` contained."""
    if ignored := sum(video.ignored for video in videos):
        logger.warning("implausible values from %s ignored: %d", source, ignored)


def thumbnail(video_id: str, urls: Iterable[object] = (), origins: Collection[str] = ()) -> str:
    """Return the first URL that a page may show: one of `IMAGES` or of `origins`; else the standard thumbnail's."""
    allowed = {IMAGES, *origins}
    shown = (url for url in urls if isinstance(url, str) and _is_shown(url, allowed))
    return next(shown, f"{IMAGES}/vi/{video_id}/hqdefault.jpg")


def storable(value: object, max_length: int) -> str:
    """Return `value` as text that any database can store, cut to `max_length` characters; "" if it is not text."""
    return _UNSTORABLE.sub("", value)[:max_length] if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """Return `value` if it is an int, else None; True and 1.0 do not count as one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def from_timestamp(value: object) -> datetime | None:
    """Return Unix seconds as a date; None if they are not a whole number, or too large for a date."""
    try:
        return None if (seconds := whole(value)) is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _is_shown(url: str, origins: Collection[str]) -> bool:
    if len(url) > THUMBNAIL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}" in origins
    except ValueError:
        return False
