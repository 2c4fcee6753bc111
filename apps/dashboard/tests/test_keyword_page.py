"""/keywords/<id>/: one keyword's state and videos."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.dashboard.tests.builders import NOON, keyword_with_videos, log_of
from apps.videos.models import KeyWordEntry
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db


def page(client: Client, entry: KeyWordEntry, query: str = "", **headers: str) -> str:
    response = client.get(f"/keywords/{entry.pk}/{query}", headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_it_works(client: Client) -> None:
    entry, other = keyword_with_videos("kestrels", 2), keyword_with_videos("red kites")
    shown = page(client, entry)

    assert '<h1 class="keyword-name" dir="auto">kestrels</h1>' in shown
    assert shown.count('class="card"') == 2
    assert f'id="video-{other.pk}-0000"' not in shown
    assert shown.index(f"video-{entry.pk}-0000") < shown.index(f"video-{entry.pk}-0001")
    assert f'href="/keywords/{entry.pk}/log/"' in shown


@pytest.mark.parametrize("keyword", ["AC/DC", "日本語", "c++", "50%", "..", "x" * 500, "?page=2#top"])
def test_any_keyword_has_a_page(client: Client, keyword: str) -> None:
    assert keyword in page(client, keyword_with_videos(keyword))


def test_a_first_fetch_is_announced(client: Client) -> None:
    assert "The first fetch takes a few seconds" in page(client, KeyWordEntry.objects.create(keyword="kestrels"))


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("failed", "The search failed: YouTube does not answer. Next try: in 15 s."),
        ("interrupted", "The search failed: YouTube does not answer. Next try: in 15 s."),
        ("waiting", "Waiting: YouTube does not answer. Next fetch: 20 Nov 12:00 UTC."),
        ("running", "Searching now. Results appear here."),
        ("done", "No videos found yet. New videos will appear here."),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_without_videos_it_says_why(client: Client, status: str, says: str) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels")
    KeyWordEntry.objects.update(next_due_at=NOON + timedelta(seconds=15), last_fetched_at=NOON)
    waiting_until = NOON + timedelta(hours=1) if status == "waiting" else None
    log_of(entry, status=status, message="YouTube does not answer.", created_at=NOON, waiting_until=waiting_until)
    shown = re.search('<p class="empty">(.*?)</p>', page(client, entry), re.DOTALL)
    assert shown
    assert " ".join(re.sub("<[^>]*>", "", shown[1]).split()) == says


def test_it_shows_the_result_of_the_last_fetch(client: Client) -> None:
    entry = keyword_with_videos()
    log_of(entry, message="Older.")
    log_of(entry, message="YouTube: 50 found, 7 new.")
    shown = page(client, entry)

    assert "YouTube: 50 found, 7 new." in shown
    assert "Older." not in shown


def test_a_paused_keyword_shows_the_interval_it_resumes_with(client: Client, settings: Any) -> None:
    settings.FETCH_INTERVAL = 900
    entry = KeyWordEntry.objects.create(keyword="kestrels", state=KeyWordEntry.State.PAUSED)
    assert "every 15 min when resumed" in page(client, entry)


def test_a_stretched_interval_says_so(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels", interval=120)
    KeyWordEntry.objects.update(planned_interval=864)
    shown = page(client, entry)

    assert "every 14 min" in shown
    assert "You requested every 2 min; the daily limit allows every" in shown
    assert 'value="2 min"' in client.get(f"/keywords/{entry.pk}/settings/").text


def test_an_automatic_interval_says_so(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels")
    KeyWordEntry.objects.update(planned_interval=6060)
    assert "every 1 h 41 min, automatic" in page(client, entry)


def test_htmx_gets_only_the_live_part(client: Client) -> None:
    shown = page(client, keyword_with_videos(), HX_Request="true")
    assert 'class="card"' in shown
    assert "<html" not in shown
    assert 'class="filters"' not in shown


@pytest.mark.parametrize("address", ["/keywords/7/", "/keywords/7/log/", "/keywords/7/delete/", f"/keywords/{10**30}/"])
def test_a_keyword_that_is_not_there(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_a_deleted_keyword_is_not_there(client: Client) -> None:
    entry = keyword_with_videos()
    entry.delete()
    assert client.get(f"/keywords/{entry.pk}/").status_code == 404
    assert 'class="chip"' not in client.get("/").content.decode()


@pytest.mark.parametrize("number", [1, 30])
def test_queries_do_not_grow_with_what_is_shown(
    client: Client, django_assert_num_queries: Callable[..., Any], number: int
) -> None:
    entry = keyword_with_videos("kestrels", number)
    store(KeyWordEntry.objects.watch("falcons")[0], *[found_video(f"{entry.pk}-{n:04}") for n in range(number)])

    # 1 incidents, 2 the keyword with its last log, 3 its gaps, 4 its fetches under way, 5 when its last video was
    # found, 6 matches, 7 videos, 8 their keywords; whether it waits for searches: 9 keys, 10 used quota;
    # the same for a manual fetch: 11, 12
    with django_assert_num_queries(12) as queries:
        page(client, entry)
    # But for the few keywords of its group.
    assert not any("COUNT" in query["sql"].replace('COUNT(U0."id")', "") for query in queries)
