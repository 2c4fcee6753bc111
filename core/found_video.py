"""FoundVideo: a video as any source describes it."""

import re
from dataclasses import dataclass
from datetime import datetime

# What a database or JSON cannot hold: NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 does).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

LIVE_STATES = ("none", "upcoming", "live", "completed")


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """One video as a source described it.

    `published_exact` is False if the source only estimates the date (Invidious). `complete` is True if the source
    gave everything it knows (videos.list): the whole description, duration, views. `duration` is in seconds, None if
    unknown.
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
    complete: bool = False


def storable(value: object, max_length: int) -> str:
    """Return `value` as text that any database can store, cut to `max_length` characters; "" if it is not text."""
    return _UNSTORABLE.sub("", value)[:max_length] if isinstance(value, str) else ""
