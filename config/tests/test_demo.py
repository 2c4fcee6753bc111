"""The demo shows its thumbnails also where browsers do not reach the simulator."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import Http404
from django.test import RequestFactory

from config.demo import thumbnail
from core.youtube_api import search_videos
from simulator import Clock, Key, Project, Simulator, World

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    world = World(seed=7, started_at=NOW, index_delay=0)
    with Simulator(
        world,
        projects=[Project("demo", [Key("demo-key")])],
        clock=Clock(NOW, frozen=True),
        public_url="https://example.org/windhover",
    ) as running:
        yield running


def test_windhover_serves_them(simulator: Simulator, settings: Any) -> None:
    settings.YOUTUBE_API_URL = simulator.url
    found = search_videos("demo-key", "kestrels", endpoint=simulator.url, thumbnail_origins=["https://example.org"])
    url = found.videos[0].thumbnail
    prefix, _, path = url.partition("/vi/")
    assert prefix == "https://example.org/windhover"
    picture = thumbnail(RequestFactory().get(f"/vi/{path}"), *path.split("/"))
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    assert b"<svg" in picture.content


def test_nothing_else_is_served(simulator: Simulator, settings: Any) -> None:
    settings.YOUTUBE_API_URL = simulator.url
    with pytest.raises(Http404):
        thumbnail(RequestFactory().get("/"), "abc", "nothing.jpg")
