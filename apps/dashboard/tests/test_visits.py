"""What is new to a reader: the videos found since the visit before."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.dashboard.tests.builders import NOON
from apps.videos.models import KeyWordEntry
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def find(keyword: str, *video_ids: str) -> None:
    store(KeyWordEntry.objects.watch(keyword)[0], *map(found_video, video_ids))


def home(client: Client, address: str = "/") -> str:
    return " ".join(client.get(address).content.decode().split())


def test_it_works(client: Client, clock: time_machine.Traveller) -> None:
    find("kestrels", "old")
    clock.shift(timedelta(minutes=1))
    assert " since <time" not in home(client), "the first visit"
    clock.shift(timedelta(hours=8))
    find("kestrels", "new", "newer")
    find("kites", "other", "new")
    clock.shift(timedelta(minutes=1))
    shown = home(client)

    assert "3 new since <time" in shown
    assert 'href="/?keyword=kestrels&amp;found_after=2026-11-20T12%3A01%3A00%2B00%3A00"' in shown
    assert "kestrels <b>2</b>" in shown
    assert "kites <b>2</b>" in shown
    above, _, below = shown.partition('class="divider"')
    assert (above.count('class="card"'), below.count('class="card"')) == (3, 1)
    assert 'id="video-old"' in below


def test_within_a_visit_the_same_is_new(client: Client, clock: time_machine.Traveller) -> None:
    find("kestrels", "old")
    clock.shift(timedelta(minutes=1))
    home(client)
    clock.shift(timedelta(hours=8))
    find("kestrels", "new")
    for _ in range(5):
        clock.shift(timedelta(minutes=20))
        assert "1 new since" in home(client)
    clock.shift(timedelta(minutes=31))
    assert "No new videos since" in home(client)


def test_what_an_open_page_asks_for_is_no_visit(client: Client, clock: time_machine.Traveller) -> None:
    home(client)
    find("kestrels", "new")
    for _ in range(3):
        clock.shift(timedelta(minutes=20))
        client.get("/", headers={"HX-Request": "true"})
    assert "1 new since" in home(client)


def test_other_orders_have_no_divider(client: Client, clock: time_machine.Traveller) -> None:
    find("kestrels", "old")
    clock.shift(timedelta(minutes=1))
    home(client)
    clock.shift(timedelta(hours=8))
    find("kestrels", "new")
    assert 'class="divider"' not in home(client, "/?ordering=published_at")


def test_a_chip_leads_to_what_it_counts(client: Client, clock: time_machine.Traveller) -> None:
    find("kestrels", "old")
    clock.shift(timedelta(minutes=1))
    home(client)
    clock.shift(timedelta(hours=8))
    find("kestrels", "new")
    found = client.get("/?keyword=kestrels&found_after=2026-11-20T12%3A01%3A00%2B00%3A00").text
    assert videos_on(found) == ["new"]


@pytest.mark.parametrize("cookie", ["", ".", "x.y", "9999999999.9999999999", "-1.-1", "1" * 4000])
def test_a_broken_cookie_is_a_first_visit(client: Client, settings: Any, cookie: str) -> None:
    find("kestrels", "old")
    client.cookies[settings.VISIT_COOKIE_NAME] = cookie
    assert " since <time" not in home(client)
