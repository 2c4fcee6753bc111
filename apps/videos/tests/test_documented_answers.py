"""Each operation answers with the statuses that the schema lists for it, and with no others."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import feedparser
import pytest
from django.core.cache import caches
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from apps.conftest import MovableTime
from apps.incidents import parts
from apps.videos import examples, hiding
from apps.videos.models import HidingRule, KeyWordEntry
from apps.videos.tests.builders import fetched_keyword
from apps.videos.tests.test_schema import SCHEMA
from apps.videos.throttles import AnonymousReads, Writes

pytestmark = pytest.mark.django_db

OPERATIONS = [(method, address) for address, item in SCHEMA["paths"].items() for method in item]
# Only a real web server, or a proxy, answers these; and what is a success.
ELSEWHERE = {"200", "201", "202", "204", "302", "413", "414", "431"}

# What provokes each status, whatever the operation.
HEADERS = {
    401: {"Authorization": "Token x"},
    403: {"Sec-Fetch-Site": "cross-site"},
    406: {"Accept": "text/html"},
    412: {"If-Match": '"x"'},
    415: {"Content-Type": "text/plain"},
    503: {"Authorization": "Token x"},
}


@pytest.fixture
def entry(frozen_time: MovableTime, settings: Any, sent: list[tuple], monkeypatch: pytest.MonkeyPatch) -> KeyWordEntry:
    settings.SIGN_IN = "off"
    monkeypatch.setattr(parts, "_watcher", parts.Watcher())
    monkeypatch.setattr("apps.videos.tasks.queue_length", lambda: 0)
    caches["throttles"].clear()
    entry = fetched_keyword("kestrel")
    hiding.add("channel", "UC" + "x" * 22)
    frozen_time.move(minutes=1)
    return entry


@contextmanager
def conditions(status: int) -> Iterator[None]:
    """Let requests meet what this status means, as far as a client cannot cause it."""
    if status == 404:
        deleted = KeyWordEntry.DoesNotExist("KeyWordEntry matching query does not exist.")
        with patch("apps.videos.models.keyword.KeyWordEntryQuerySet.watch", autospec=True, side_effect=deleted):
            yield
    elif status == 429:
        with patch.object(AnonymousReads, "rate", "0/min"), patch.object(Writes, "rate", "0/min"):
            yield
    elif status == 503:
        with (
            patch.object(BaseDatabaseWrapper, "cursor", autospec=True, side_effect=OperationalError("away")),
            patch("apps.incidents.parts._watcher", None),
        ):
            yield
    else:
        yield


def read(answer: Any) -> Any:
    """Read a response to its end, as an export must be; return it."""
    if answer.streaming:
        answer.getvalue()
    return answer


def provoke(method: str, address: str, status: int, entry: KeyWordEntry) -> int:
    """Send a request that is to be answered with this status; return that of the response."""
    operation = SCHEMA["paths"][address][method]
    parameters = {given["name"] for given in operation.get("parameters", []) if given["in"] == "query"}
    path, headers = address, dict(HEADERS.get(status, {}))
    row = entry.logs.get() if "/logs/" in address else HidingRule.objects.first() if "/rules/" in address else entry
    there = {"id": str(row and row.pk), "keyword": "kestrel", "video_id": "a-video", "type": "csv"}
    missing = {"id": "99", "keyword": "none", "video_id": "none"} if status == 404 else {}
    for name, value in (there | missing).items():
        path = path.replace(f"{{{name}}}", value)
    if status == 304:
        headers["If-None-Match"] = read(Client().get(path)).headers.get("ETag", '"none"')
    query = {}
    if status == 400:
        query["x"] = "1"
    elif status == 404:
        query |= {name: value for name, value in {"page": "99", "keyword": "none"}.items() if name in parameters}
    with conditions(status):
        answer = Client(raise_request_exception=False).generic(
            method.upper(),
            f"{path}?{urlencode(query)}",
            json.dumps(examples.REQUESTS.get(operation["operationId"], {})) if method != "get" else "",
            content_type=headers.pop("Content-Type", "application/json"),
            headers=headers,
            REMOTE_ADDR="203.0.113.5" if status == 429 else "127.0.0.1",
        )
    return int(read(answer).status_code)


@pytest.mark.parametrize(("method", "address"), OPERATIONS)
def test_each_operation_answers_what_the_schema_lists(entry: KeyWordEntry, method: str, address: str) -> None:
    statuses = (304, 400, 401, 403, 404, 406, 412, 415, 429, 503)
    answered = {str(status) for status in statuses if provoke(method, address, status, entry) == status}
    assert answered == SCHEMA["paths"][address][method]["responses"].keys() - ELSEWHERE


@pytest.mark.parametrize(
    ("method", "address", "headers", "status"),
    [
        ("POST", "/api/keywords/", {}, 401),
        ("GET", "/api/videos/?page_size=0", {}, 400),
        ("GET", "/api/keyword/kestrel/videos/", {}, 404),
        ("GET", "/ping/", {"Accept": "text/html"}, 406),
        ("GET", "/ping/", {"If-Match": '"x"'}, 412),
        ("POST", "/api/keywords/1/fetch/", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", "/api/keywords/", {"Content-Type": "text/plain"}, 415),
    ],
)
def test_the_examples_of_errors_are_what_is_answered(
    settings: Any, client: Client, method: str, address: str, headers: dict[str, str], status: int
) -> None:
    settings.SIGN_IN = "write" if status == 401 else "off"
    answer = client.generic(method, address, "x", content_type=headers.get("Content-Type", ""), headers=headers)
    (content,) = SCHEMA["components"]["responses"][f"Problem{status}"]["content"].values()
    assert answer.json() == content["example"]


def example_of(address: str, media_type: str) -> str:
    return str(SCHEMA["paths"][address]["get"]["responses"]["200"]["content"][media_type]["example"])


def test_the_examples_of_files_are_of_their_form(client: Client, entry: KeyWordEntry) -> None:
    export, feed = "/api/videos/export.{type}", "/api/videos/feed/"
    for kind, media_type in (("csv", "text/csv"), ("jsonl", "application/jsonl")):
        shown = example_of(export, media_type)
        assert examples.VIDEO["title"] in shown
        assert len(shown.splitlines()) == (2 if kind == "csv" else 1)
    real = client.get("/api/videos/export.txt").content.decode().splitlines()
    headings = [line for line in example_of(export, "text/plain").splitlines() if line.isupper() or "EXPORT" in line]
    assert [line for line in real if line in headings] == headings
    shown, found = (
        feedparser.parse(example_of(feed, "application/atom+xml")),
        feedparser.parse(client.get(feed).content),
    )
    assert not shown.bozo
    assert shown.feed.keys() == found.feed.keys()
    assert shown.entries[0].keys() - {"media_thumbnail"} == found.entries[0].keys() - {"media_thumbnail"}
