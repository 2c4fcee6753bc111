"""FoundVideo: the one shape in which every source says what it found."""

import re
from dataclasses import dataclass
from datetime import datetime

# What neither a database nor JSON can hold: NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 does).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

LIVE_STATES = ("none", "upcoming", "live", "completed")


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """One video as a source described it.

    `published_exact` is False where the source only guessed the date (Invidious); `complete` is True where
    the source told everything it knows (videos.list): whole description, duration, views.
    `duration` is in seconds; None means the source did not say.
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


def storable(value: object, longest: int) -> str:
    """Return `value` as text that any database can hold, cut to `longest` characters; "" if it is no text."""
    return _UNSTORABLE.sub("", value)[:longest] if isinstance(value, str) else ""
