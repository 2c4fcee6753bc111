"""What an open page asks for: nothing if nothing changed, and new videos only by number."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.dashboard.tests.builders import NOON, keyword_with_videos, log_of
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db


def ask(client: Client, address: str, tag: str = "") -> Any:
    return client.get(address, headers={"HX-Request": "true"} | ({"If-None-Match": tag} if tag else {}))


def asked_by(client: Client, page: str) -> str:
    """Return the address that an open page asks."""
    shown_to = re.findall('name="shown_to" value="([^"]*)"', client.get(page).content.decode())
    return f"{page}{'&' if '?' in page else '?'}{urlencode({'shown_to': shown_to[0]})}" if shown_to else page


@pytest.mark.parametrize("page", ["/", "/keywords/", "/keywords/{pk}/", "/log/", "/quota/"])
def test_an_unchanged_page_is_answered_with_nothing(client: Client, page: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        entry = keyword_with_videos()
        log_of(entry)
        entry.next_due_at, entry.last_fetched_at = NOON + timedelta(minutes=10), NOON
        entry.save()
        address = asked_by(client, page.format(pk=entry.pk))
        first = ask(client, address)
        clock.shift(timedelta(seconds=5))  # relative times pass, which is no change
        again = ask(client, address, first["ETag"])
        assert (again.status_code, again.content) == (304, b"")

        incidents.open(Incident.Kind.DISK_FULL, "It is full.")
        changed = ask(client, address, first["ETag"])
        assert changed.status_code == 200
        assert "It is full." in changed.content.decode().partition('id="banners"')[2]


@pytest.mark.parametrize("page", ["/", "/keywords/{pk}/", "/?search=kestrel", "/keywords/{pk}/?search=kestrel"])
def test_new_videos_are_announced_and_not_inserted(client: Client, page: str) -> None:
    entry = keyword_with_videos("kestrels")
    address = asked_by(client, page.format(pk=entry.pk))
    assert "new video" not in ask(client, address).content.decode()
    store(entry, found_video("one", title="A kestrel"), found_video("two", title="Two kestrel"))
    shown = ask(client, address).content.decode()

    assert "2 new videos. Show" in shown
    assert "A kestrel" not in shown
    assert "shown_to" not in re.findall('href="([^"]*)">2 new', shown)[0]


def test_other_videos_are_not_announced(client: Client) -> None:
    entry, other = keyword_with_videos("kestrels"), keyword_with_videos("kites")
    addresses = [asked_by(client, page) for page in (f"/keywords/{entry.pk}/", "/?search=kestrel")]
    store(other, found_video("one", title="A kite"))
    for address in addresses:
        assert "new video" not in ask(client, address).content.decode()


def test_an_empty_page_shows_the_first_videos(client: Client) -> None:
    entry, _ = KeyWordEntry.objects.watch("kestrels")
    addresses = [asked_by(client, page) for page in ("/", f"/keywords/{entry.pk}/")]
    store(entry, found_video("one", title="A kestrel"))
    for address in addresses:
        assert "A kestrel" in ask(client, address).content.decode()


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_is_none_shows_the_list(client: Client, value: str) -> None:
    keyword_with_videos("kestrels")
    assert 'class="card"' in ask(client, f"/?{urlencode({'shown_to': value})}").content.decode()


@pytest.mark.parametrize("page", ["/", "/keywords/{pk}/"])
@pytest.mark.parametrize("state", ["due", "running"])
def test_first_results_are_asked_for_each_second(client: Client, page: str, state: str) -> None:
    keys.sync()
    with time_machine.travel(NOON, tick=False) as clock:
        entry, _ = KeyWordEntry.objects.watch("kestrels")
        page = page.format(pk=entry.pk)
        if state == "running":
            log_of(entry, status="running", created_at=NOON, trigger="first")
        assert 'hx-trigger="every 1s"' in client.get(page).text
        first = ask(client, page)
        assert 'hx-trigger="every 1s"' in first.text
        clock.shift(timedelta(seconds=1))
        assert ask(client, page, first["ETag"]).status_code == 304

        VideoLog.objects.update(status="done")
        store(entry, found_video("one", title="A kestrel"))
        KeyWordEntry.objects.update(last_fetched_at=NOON)
        shown = ask(client, page, first["ETag"]).text
        assert "A kestrel" in shown
        assert "every 1s" not in shown


@pytest.mark.parametrize("page", ["/", "/keywords/{pk}/"])
def test_nothing_is_asked_for_each_second_while_no_fetch_can_begin(client: Client, page: str) -> None:
    keys.sync()
    entry, _ = KeyWordEntry.objects.watch("kestrels")
    incidents.open(Incident.Kind.WORKER_STOPPED, "It has stopped.")
    assert "every 1s" not in client.get(page.format(pk=entry.pk)).text
    incidents.close(Incident.Kind.WORKER_STOPPED)
    KeyWordEntry.objects.update(next_due_at=timezone.now() + timedelta(minutes=1))
    assert "every 1s" not in client.get(page.format(pk=entry.pk)).text
