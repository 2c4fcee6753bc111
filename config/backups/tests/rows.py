"""Rows that are hard to copy, and what a database has of them."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.tests.builders import found_video, store

LARGE = 2**63 - 1
LONG_AGO = datetime(2005, 4, 24, 3, 31, 52, 1, tzinfo=UTC)

_COMPARED = "video_id, title, description, duration, view_count, channel_title, keyword_id"


def add_odd_rows() -> KeyWordEntry:
    """Add a keyword with three videos, and two fetch logs, of which the first refers to the second."""
    entry = KeyWordEntry.objects.create(keyword="日本語 🦅 “quoted”")
    store(entry, found_video("plain"), found_video("odd", title="猫と鷹 🦅👩‍👩‍👧 \\u0000 \t", published_at=LONG_AGO))
    store(entry, found_video("empty", title="", description="", channel_title=""))
    Video.objects.filter(pk="odd").update(tags=["日本", "a\"b'c", "\\", "🐦"], view_count=LARGE, duration=None)
    first, second = (VideoLog.objects.create(keyword=entry, keyword_text=entry.keyword) for _ in range(2))
    VideoLog.objects.filter(pk=first.pk).update(shared_with=second, error_code="timeout")
    return entry


def videos_in(database: Path | str) -> list[tuple[Any, ...]]:
    """Return what a program that knows nothing of Django reads: of each video, with tags and the date in seconds."""
    if isinstance(database, Path):
        seconds = "round((julianday(published_at) - 2440587.5) * 86400)"
        with closing(sqlite3.connect(database)) as file:
            rows = file.execute(f"SELECT {_COMPARED}, {seconds}, tags FROM videos_video").fetchall()
        return sorted((*row[:-1], json.loads(row[-1]) if row[-1] else None) for row in rows)
    with psycopg.connect(database) as server:
        found = f"SELECT {_COMPARED}, round(extract(epoch FROM published_at))::float, tags FROM videos_video"
        return sorted(server.execute(found).fetchall())
