"""Searching, filtering and sorting videos on / and on a keyword's page; the address has the API's names and values."""

import html
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.dashboard.tests.builders import NOON, keyword_with_videos
from apps.videos.models import KeyWordEntry, Video
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db


def day(number: int) -> datetime:
    return datetime(2026, 11, number, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def entry() -> KeyWordEntry:
    kestrels, owls = KeyWordEntry.objects.create(keyword="kestrels"), KeyWordEntry.objects.create(keyword="owls")
    store(kestrels, found_video("hover", title="A kestrel hovers", published_at=day(3), duration=30, view_count=5))
    store(kestrels, found_video("nest", title="A nest", published_at=day(2), duration=3000, view_count=900))
    store(owls, found_video("night", title="A night", published_at=day(1), duration=300, view_count=70))
    Video.objects.filter(pk="night").update(live_state="completed", channel_title="Night Owls")
    return kestrels


def titles(client: Client, address: str) -> list[str]:
    response = client.get(address)
    assert response.status_code == 200
    return videos_on(response.text)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["night", "nest", "hover"]),
        ("search=nest", ["nest"]),
        ("search=nest+-a", []),
        ("ordering=-published_at", ["hover", "nest", "night"]),
        ("ordering=published_at", ["night", "nest", "hover"]),
        ("ordering=-view_count", ["nest", "night", "hover"]),
        ("ordering=duration", ["hover", "night", "nest"]),
        ("keyword=KESTRELS", ["nest", "hover"]),
        ("channel=night+owls", ["night"]),
        ("published_after=2026-11-02", ["nest", "hover"]),
        ("published_before=2026-11-02", ["night"]),
        ("min_duration=60", ["night", "nest"]),
        ("max_duration=240", ["hover"]),
        ("min_duration=77&max_duration=777", ["night"]),
        ("live=completed", ["night"]),
        ("method=invidious", []),
        ("page=1&unknown=x", ["night", "nest", "hover"]),
    ],
)
def test_it_works(client: Client, query: str, shown: list[str]) -> None:
    assert titles(client, f"/?{query}") == shown


def test_a_keywords_page_has_them_too(client: Client, entry: KeyWordEntry) -> None:
    address = f"/keywords/{entry.pk}/"
    assert titles(client, address) == ["hover", "nest"]
    assert titles(client, f"{address}?ordering=-duration&min_duration=10") == ["nest", "hover"]
    assert titles(client, f"{address}?search=night") == []
    assert titles(client, f"{address}?keyword=owls") == ["hover", "nest"], "it has no such filter"
    assert 'name="keyword"' not in client.get(address).content.decode().partition('class="filters"')[2]


def test_empty_fields_leave_the_address(client: Client) -> None:
    response = client.get("/?search=nest&ordering=&keyword=&channel=&live=")
    assert (response.status_code, response["Location"]) == (302, "/?search=nest")
    assert client.get("/?search=")["Location"] == "/"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("keyword=sparrows", "There is no such keyword."),
        ("min_duration=long", "Must be a whole number"),
        ("published_after=soon", "Must be a date"),
        ("ordering=title", "Must be one of"),
        ("live=maybe", "Must be one of"),
    ],
)
def test_a_mistake_is_explained_at_its_field(client: Client, query: str, says: str) -> None:
    shown = client.get(f"/?{query}").content.decode()
    assert says in shown
    assert "ErrorDetail" not in shown
    assert "correct what is marked above" in shown
    assert 'class="card"' not in shown


def test_each_mistake_is_explained(client: Client) -> None:
    shown = client.get("/?keyword=sparrows&min_duration=long&live=maybe").content.decode()
    assert "There is no such keyword." in shown
    assert "Must be a whole number" in shown
    assert "Must be one of" in shown
    assert "<details open>" in shown


def test_what_was_chosen_is_shown_and_kept_by_the_pager(client: Client) -> None:
    keyword_with_videos("many", 30)
    shown = client.get("/?search=video&min_duration=0&max_duration=77").content.decode()
    assert "<details open>" not in shown
    assert "More filters · Duration at least: 0 · Duration at most: 77" in re.sub("<[^>]*>", "", shown)
    assert '<option value="77" selected>77</option>' in shown
    shown = client.get("/?keyword=many&ordering=published_at").content.decode()
    assert 'href="?keyword=many&amp;ordering=published_at&amp;page=2"' in shown
    assert 'hx-get="/?keyword=many&amp;ordering=published_at"' in shown


@time_machine.travel(NOON, tick=False)
def test_folded_filters_are_named(client: Client) -> None:
    shown = client.get("/?seen=false&found_after=2026-11-20T12:00:00%2B02:00&published_after=2026-11-19").text
    named = "More filters · Published from: 2026-11-19 · Found from: 20 Nov 10:00 UTC · Seen: not seen"
    assert named in re.sub("<[^>]*>", "", shown)


def test_what_people_type_is_text(client: Client) -> None:
    shown = client.get('/?search="><script>alert(1)</script>').content.decode()
    assert "<script>alert" not in shown


def test_a_filtered_page_shows_no_keywords_and_costs_no_more(
    client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client.get("/")  # computes the cost of adding a keyword
    with django_assert_max_num_queries(12):
        shown = client.get("/?live=completed").content.decode()
    assert 'id="keyword-' not in shown
    assert "1 video<" in shown


@pytest.mark.parametrize(
    "query", ["", "?search=nest&live=none", "?keyword=owls&ordering=-view_count", "?unknown=x&page=1"]
)
def test_what_is_shown_is_subscribed_to_and_exported(client: Client, entry: KeyWordEntry, query: str) -> None:
    for address in (f"/{query}", f"/keywords/{entry.pk}/{query.replace('keyword=owls&', '')}"):
        shown = client.get(address).content.decode()
        links = [html.unescape(link) for link in re.findall('href="(/api/(?:videos|keywords)[^"]*)"', shown)]
        assert len(links) == 5
        for link in links:
            response = client.get(link)
            assert response.status_code == 200, link
            assert response.getvalue()
        lines = client.get(next(link for link in links if "jsonl" in link)).getvalue().splitlines()
        assert {json.loads(line)["video_id"] for line in lines} == set(titles(client, address))


def test_a_chosen_option_keeps_its_place(client: Client, entry: KeyWordEntry) -> None:
    shown = client.get("/?seen=true").content.decode()
    chosen = '<option value="">any</option>\n<option value="false">not seen</option>\n'
    assert f'{chosen}<option value="true" selected>seen</option>' in shown
