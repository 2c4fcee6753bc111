"""/statistics/ and /keywords/<id>/statistics/: how it is going."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.conftest import MovableTime
from apps.dashboard.tests.test_quota import text_of
from apps.quota import pacific
from apps.quota.models import QuotaSpend
from apps.videos.models import KeyWordEntry
from apps.videos.tests.builders import found_video, store


@pytest.fixture
def entry(frozen_time: MovableTime, db: None) -> KeyWordEntry:
    """A keyword with three videos: two of one channel; two were found within an hour, one after three."""
    entry = KeyWordEntry.objects.create(keyword="kestrels")
    added = timezone.now()
    frozen_time.move(hours=4)
    raptors = {"channel_id": "UC-raptors", "channel_title": "Raptors & co"}
    store(
        entry,
        found_video(published_at=added + timedelta(minutes=210), **raptors),
        found_video(published_at=added + timedelta(minutes=220), **raptors),
        found_video(published_at=added + timedelta(minutes=60)),
    )
    return entry


def test_it_works(client: Client, entry: KeyWordEntry) -> None:
    QuotaSpend.objects.create(project="birds", day=pacific.day_of(timezone.now()), bucket="search", used=12)
    page = client.get("/statistics/")
    shown = text_of(client, "/statistics/")
    for fact in (
        "Videos stored 3",
        "Found in 30 days 3",
        "Published in 30 days 3",
        "Searches in 30 days 12",
        "Found within an hour 67 %",
        "Median delay 30 min",
        "95 % found within 3 h",
        "3 videos since",
        "Raptors &amp; co 2 67 %",
        "YouTube 3 100 %",
        "Invidious 0 0 %",
        "5 min to 15 min 0 % 15 min to 30 min 66 % 30 min to 1 h 0 % 1 h to 3 h 33 %",
    ):
        assert fact in shown
    assert 'href="/?channel=UC-raptors"' in page.text
    assert 'href="/statistics/" aria-current="page"' in page.text
    assert page.text.count("Show as table") == 3


def test_a_keyword_has_its_own(client: Client, entry: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="red kites")
    store(other, found_video(published_at=timezone.now()))
    entry.logs.create(keyword_text="kestrels", searches=5)
    address = f"/keywords/{entry.pk}/statistics/"
    shown = text_of(client, address)
    assert "Statistics of kestrels" in shown
    assert "Videos stored 3" in shown
    assert "Searches in 30 days 5" in shown
    html = client.get(address).text
    assert f'href="/keywords/{entry.pk}/?channel=UC-raptors"' in html
    assert f'href="/keywords/{entry.pk}/"' in html
    assert client.get(f"/keywords/{entry.pk + 9}/statistics/").status_code == 404


@pytest.mark.parametrize(
    ("query", "days"), [("", 30), ("?days=7", 7), ("?days=90", 90), ("?days=8", 30), ("?days=x", 30)]
)
def test_the_address_chooses_the_period(client: Client, entry: KeyWordEntry, query: str, days: int) -> None:
    store(entry, found_video(published_at=timezone.now() - timedelta(days=50)))
    for address in ("/statistics/", f"/keywords/{entry.pk}/statistics/"):
        page = client.get(address + query)
        assert f'aria-current="true">{days} days</a>' in page.text
        assert 'href="?days=90"' in page.text
        published = 4 if days == 90 else 3
        assert f"Published in {days} days {published} " in text_of(client, address + query)


def test_a_channel_without_a_name_has_its_id(client: Client, entry: KeyWordEntry) -> None:
    store(entry, found_video(channel_id="UC-nameless", channel_title=""))
    assert '<a href="/?channel=UC-nameless">UC-nameless</a>' in client.get("/statistics/").text


def test_without_videos_it_says_so(client: Client, db: None) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels")
    for address in ("/statistics/", f"/keywords/{entry.pk}/statistics/"):
        page = client.get(address).text
        assert "No videos were found or published in the last 30 days." in page
        assert "No searches in the last 30 days." in page
        assert "<svg" not in page
        assert "Median delay" not in page


def test_a_delay_that_is_not_known_says_why(client: Client, frozen_time: MovableTime, db: None) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels")
    store(entry, found_video(published_at=timezone.now() - timedelta(days=1)))
    page = client.get("/statistics/").text
    assert "Not known yet: only videos published after their keyword was added" in page
    assert "Median delay" not in page


def test_it_says_if_the_fetch_log_is_shorter(client: Client, entry: KeyWordEntry, settings: Any) -> None:
    settings.KEEP_LOGS = 20
    assert "which is kept for 20 days" in client.get(f"/keywords/{entry.pk}/statistics/").text
    assert "which is kept for" not in client.get(f"/keywords/{entry.pk}/statistics/?days=7").text
    assert "which is kept for" not in client.get("/statistics/").text, "all searches are in the ledger"


def test_queries_do_not_grow(
    client: Client, entry: KeyWordEntry, django_assert_num_queries: Callable[..., Any]
) -> None:
    for number in range(2):
        store(entry, *(found_video(channel_id=f"UC-{n}") for n in range(20 * number)))
        with django_assert_num_queries(6):  # 1 incidents, and the statistics' 5
            client.get("/statistics/?days=90")
        with django_assert_num_queries(6):  # 1 incidents, 2 the keyword, and the statistics' 4
            client.get(f"/keywords/{entry.pk}/statistics/")
