"""The rows of a page, read as plain values, are what VideoSerializer shows."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.renderers import JSONRenderer

from apps.videos.models import KeyWordEntry, Video, VideoFetchMethod
from apps.videos.renderers import JSONRenderer as FastRenderer
from apps.videos.serializers import VideoSerializer, video_rows
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db

KINDS: dict[str, dict[str, Any]] = {
    "as searched": {},
    "complete": {"complete": True, "duration": 3723, "view_count": 2**53 + 1, "tags": ("a", '日本語 "b"')},
    "with microseconds": {"published_at": datetime(2026, 11, 20, 12, 0, 0, 120, tzinfo=UTC)},
    "estimated": {"published_exact": False},
    "long ago": {"published_at": datetime(2005, 4, 24, 3, 31, 52, tzinfo=UTC)},
    "stream": {"live_state": "live", "starts_at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC)},
    "without anything": {"title": "", "description": "", "channel_id": "", "channel_title": "", "thumbnail": ""},
    "odd text": {"title": '<b>"日本語"\u2028🦅\\ \n', "description": "a\x7fb\u200b"},
}


@pytest.mark.parametrize("method", VideoFetchMethod)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_video(kind: str, method: VideoFetchMethod) -> None:
    store(KeyWordEntry.objects.create(keyword="日本 語"), found_video("one", **KINDS[kind]), method=method)

    rows = FastRenderer().render(video_rows(["one"]))

    # Field by field and in the same order, dates as text.
    assert list(json.loads(rows)[0].items()) == list(shown_by_the_serializer("one").items())


def test_a_video_without_a_keyword() -> None:
    store(KeyWordEntry.objects.create(keyword="python"), found_video("one"))
    Video.objects.update(keyword=None)

    [row] = json.loads(FastRenderer().render(video_rows(["one"])))

    assert (row["keyword"], row["keyword_text"]) == (None, "")
    assert row == shown_by_the_serializer("one")


def test_rows_come_in_the_given_order_without_those_that_were_removed() -> None:
    store(KeyWordEntry.objects.create(keyword="python"), *(found_video(name) for name in "abc"))

    assert [row["video_id"] for row in video_rows(["b", "gone", "c", "a"])] == ["b", "c", "a"]


def test_a_list_and_a_single_video_agree(client: Client) -> None:
    store(KeyWordEntry.objects.create(keyword="python"), found_video("one", **KINDS["stream"]))

    [listed] = client.get("/api/keyword/python/videos/").json()["results"]

    assert listed == client.get("/api/videos/one/").json()


@pytest.mark.parametrize("number", [1, 100])
def test_rows_cost_one_query(number: int, django_assert_num_queries: Callable[..., Any]) -> None:
    store(KeyWordEntry.objects.create(keyword="python"), *(found_video(f"video-{n}") for n in range(number)))

    with django_assert_num_queries(1):
        assert len(video_rows([f"video-{n}" for n in range(number)])) == number


def shown_by_the_serializer(video_id: str) -> dict[str, Any]:
    data = VideoSerializer(Video.objects.select_related("keyword").with_matched_in().get(pk=video_id)).data
    return json.loads(JSONRenderer().render(data))  # REST framework's own
