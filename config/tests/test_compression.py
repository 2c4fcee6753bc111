"""Pages and JSON are compressed if the client accepts it."""

import gzip
import json
from typing import Any

import pytest
from django.test import Client

from apps.videos.models import KeyWordEntry
from apps.videos.tests.builders import found_video, store
from apps.videos.views import QuotaView

pytestmark = pytest.mark.django_db

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture(autouse=True)
def python() -> KeyWordEntry:
    entry = KeyWordEntry.objects.create(keyword="python")
    store(entry, *(found_video() for _ in range(20)))
    return entry


def test_it_works(client: Client) -> None:
    plain, compressed = client.get("/api/videos/"), client.get("/api/videos/", headers=GZIP)

    assert "Content-Encoding" not in plain
    assert compressed["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.content) == plain.content
    assert len(compressed.content) < len(plain.content) / 2
    assert int(compressed["Content-Length"]) == len(compressed.content)


@pytest.mark.parametrize("address", ["/", "/log/", "/api/videos/", "/api/schema/"])
@pytest.mark.parametrize("headers", [{}, GZIP])
def test_caches_learn_that_there_are_two_forms(client: Client, address: str, headers: dict[str, str]) -> None:
    answer = client.get(address, headers=headers)
    assert "Accept-Encoding" in answer["Vary"]
    assert ("Content-Encoding" in answer) == bool(headers)


@pytest.mark.parametrize("address", ["/api/videos/", "/api/keywords/"])
def test_a_compressed_response_need_not_be_sent_again(client: Client, address: str) -> None:
    first = client.get(address, headers=GZIP)
    assert first["ETag"].startswith("W/")

    second = client.get(address, headers=GZIP | {"If-None-Match": first["ETag"]})

    assert (second.status_code, second.content) == (304, b"")
    assert "Accept-Encoding" in second["Vary"]
    assert "Content-Encoding" not in second


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [("gzip;q=0", False), ("gzip; q=0.000, *;q=1", False), ("br, gzip;q=0.5", True), ("gzip;q=0.01, br;q=0", True)],
)
def test_a_client_can_refuse_compression(client: Client, accepted: str, compressed: bool) -> None:
    answer = client.get("/api/videos/", headers={"Accept-Encoding": accepted})
    assert ("Content-Encoding" in answer) == compressed


def test_small_responses_are_sent_as_they_are(client: Client) -> None:
    assert "Content-Encoding" not in client.get("/ping/", headers=GZIP)


def test_errors_of_the_api_are_still_json(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error page is replaced by JSON after it has been compressed."""
    client.raise_request_exception = False

    def fail(self: QuotaView, request: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(QuotaView, "get", fail)
    answer = client.get("/api/quota/", headers=GZIP)

    assert answer.status_code == 500
    assert "Content-Encoding" not in answer
    assert "Server error" in json.loads(answer.content)["detail"]
