"""Deleting a keyword with very many videos does not block other writers, on both databases."""

import math
import time
from threading import Event

import pytest
from django.db import connection

from apps.videos.fetching import erasing, storing
from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoTotal
from apps.videos.tests.builders import found_video, store, videos_of
from apps.videos.tests.conftest import RealDatabase, assert_nothing_lost_or_doubled, held

MANY = 50_000
PAGE = 5


def with_many_videos() -> KeyWordEntry:
    """Return a keyword with many copies of a video, made by one statement in the database."""
    entry = held("doomed")
    store(entry, found_video("copy-1"))
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})"
    with connection.cursor() as cursor:
        for model in (Video, Match):
            table = model._meta.db_table
            columns = ", ".join(field.column for field in model._meta.concrete_fields if field.column != "id")
            copied = columns.replace("video_id", "'copy-' || n")
            cursor.execute(f"INSERT INTO {table} ({columns}) {numbers} SELECT {copied} FROM {table}, numbers")
    KeyWordEntry.objects.filter(pk=entry.pk).update(video_count=MANY)
    VideoTotal.objects.update(count=MANY)
    return entry


def test_a_big_erase_does_not_block_other_writers(database: RealDatabase, capsys: pytest.CaptureFixture[str]) -> None:
    other = held("bird")
    doomed = with_many_videos()
    assert Video.objects.count() == doomed.matches.count() == MANY
    doomed.delete()
    erased = Event()

    def erase() -> float:
        began = time.monotonic()
        try:
            erasing.erase(doomed)
        finally:
            erased.set()
        return time.monotonic() - began

    def store_pages() -> list[float]:
        waits = []
        while not erased.wait(0.01):
            page = [found_video(f"{len(waits)}-{number}") for number in range(PAGE)]
            began = time.monotonic()
            storing.store([other], "held", page, VideoFetchMethod.YOUTUBE)
            waits.append(time.monotonic() - began)
        return waits

    whole, waits = database.at_once(erase, store_pages)
    with capsys.disabled():
        print(f"\n{connection.vendor}: {MANY} erased in {whole:.1f} s; {len(waits)} pages stored, "  # noqa: T201
              f"the longest in {max(waits) * 1000:.0f} ms")  # fmt: skip

    # Other writers get the lock after each chunk, and none waits for many chunks.
    assert len(waits) >= math.ceil(MANY / erasing.CHUNK)
    assert max(waits) < whole / 3
    assert videos_of(other) == set(Video.objects.values_list("pk", flat=True))
    assert Video.objects.count() == PAGE * len(waits)
    assert not KeyWordEntry.including_deleted.filter(pk=doomed.pk).exists()
    assert_nothing_lost_or_doubled()
