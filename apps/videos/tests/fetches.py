"""Fetch a keyword as a worker would, and reload it."""

from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog

SCHEDULE, MANUAL = VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.MANUAL


def fetched(entry: KeyWordEntry, trigger: VideoLog.Trigger = SCHEDULE) -> VideoLog:
    """Fetch `entry` once, reload it, and return the log."""
    entry.refresh_from_db()
    log = fetch_keyword(entry, trigger)
    assert log is not None
    entry.refresh_from_db()
    return log
