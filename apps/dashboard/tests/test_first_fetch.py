"""A first fetch is promised within seconds only if nothing prevents it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.incidents import incidents, parts
from apps.incidents.models import Incident
from apps.quota import keys
from apps.quota.models import ApiKey
from apps.videos.models import KeyWordEntry

pytestmark = pytest.mark.django_db

Kind = Incident.Kind
PROMISE = "The first fetch takes a few seconds."
PREVENTED = "The first fetch waits for the end of this problem: {}."
TRIED = "YouTube is unavailable at present: the first fetch may fail, and is then tried again."

YOUTUBES = [
    (Kind.SEARCHES_USED_UP, ""),
    (Kind.PROJECT_SUSPENDED, "birds"),
    (Kind.KEYS_COOLING_DOWN, ""),
    (Kind.YOUTUBE_UNAVAILABLE, "search"),
]
PARTS = [
    (Kind.DATABASE_UNAVAILABLE, ""),
    (Kind.BROKER_UNAVAILABLE, ""),
    (Kind.WORKER_STOPPED, ""),
    (Kind.DISK_FULL, ""),
]
HARMLESS = [
    (Kind.UNITS_USED_UP, ""),
    (Kind.YOUTUBE_UNAVAILABLE, "general"),
    (Kind.INVIDIOUS_UNAVAILABLE, ""),
    (Kind.BEAT_STOPPED, ""),
    (Kind.CLOCKS_DIFFER, "worker"),
    (Kind.NOTIFICATION_FAILED, ""),
    (Kind.QUERY_REFUSED, "7"),
    (Kind.KEYWORD_FAILS, "7"),
    (Kind.CHORE_FAILS, "refresh_videos"),
]


def opened(kind: Incident.Kind, subject: str = "") -> None:
    incidents.open(kind, "It happened.", subject=subject, until=timezone.now() + timedelta(hours=1))


def pages(client: Client) -> list[str]:
    """Return all that says when a keyword is fetched first, as whole pages and as the parts that refresh."""
    addresses = ["/", "/keywords/"] if not KeyWordEntry.objects.exists() else ["/"]
    addresses += [f"/keywords/{entry.pk}/" for entry in KeyWordEntry.objects.all()]
    return [
        client.get(address, headers=headers).content.decode()
        for address in addresses
        for headers in ({}, {"HX-Request": "true"})
    ]


@pytest.fixture(params=[True, False], ids=["a keyword", "no keyword"])
def _keywords(request: pytest.FixtureRequest) -> None:
    keys.sync()
    if request.param:
        KeyWordEntry.objects.create(keyword="kestrels")


@pytest.mark.usefixtures("_keywords")
@pytest.mark.parametrize(("kind", "subject"), [*YOUTUBES, *PARTS])
def test_it_works(client: Client, kind: Incident.Kind, subject: str) -> None:
    assert all(PROMISE in page for page in pages(client))
    opened(kind, subject)
    for page in pages(client):
        assert (TRIED if kind == Kind.YOUTUBE_UNAVAILABLE else PREVENTED.format(kind.label)) in page
        assert PROMISE not in page
    incidents.close(kind)
    assert all(PROMISE in page for page in pages(client))


@pytest.mark.parametrize(("kind", "subject"), HARMLESS)
def test_other_problems_do_not_delay_it(client: Client, kind: Incident.Kind, subject: str) -> None:
    KeyWordEntry.objects.create(keyword="kestrels", pk=7)
    opened(kind, subject)
    assert all(PROMISE in page for page in pages(client))


def test_the_last_key_that_is_refused_prevents_it(client: Client) -> None:
    KeyWordEntry.objects.create(keyword="kestrels")
    keys.sync()
    first, second = ApiKey.objects.all()
    keys.refuse(first, "The key is not valid.")
    assert all(PROMISE in page for page in pages(client)), "another key is used"
    keys.refuse(second, "The key is not valid.")
    assert all(PREVENTED.format("API key refused") in page for page in pages(client))


@pytest.mark.parametrize(("kind", "subject"), YOUTUBES)
def test_invidious_takes_over_while_it_can(client: Client, settings: Any, kind: Incident.Kind, subject: str) -> None:
    settings.INVIDIOUS_URL = "http://127.0.0.1:1"
    KeyWordEntry.objects.create(keyword="kestrels")
    opened(kind, subject)
    assert all(PROMISE in page for page in pages(client))
    opened(Kind.INVIDIOUS_BLOCKED)
    assert not any(PROMISE in page for page in pages(client))


def test_a_problem_that_the_database_does_not_accept_counts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    KeyWordEntry.objects.create(keyword="kestrels")
    disk_full = Incident(kind=Kind.DISK_FULL, message="It cannot be written.")
    monkeypatch.setitem(parts.unsaved, Kind.DISK_FULL, disk_full)
    assert all(PREVENTED.format("Disk full or not writable") in page for page in pages(client))
