"""Fetch now: what it uses, and what is asked before the searches kept for manual and first fetches are used."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from apps.conftest import MovableTime
from apps.dashboard.tests.builders import keyword_with_videos
from apps.quota import keys, ledger
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tests.builders import spend

MIDNIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture
def entry(frozen_time: MovableTime, settings: Any, db: None) -> KeyWordEntry:
    frozen_time.move_to(MIDNIGHT + timedelta(hours=12))
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()
    return keyword_with_videos()


def button(entry: KeyWordEntry) -> str:
    return render_to_string("dashboard/fetch_now.html", {"entry": entry, "csrf_input": "of-the-page"})


def test_it_works(client: Client, entry: KeyWordEntry, django_assert_num_queries: Any) -> None:
    spend(88)
    with django_assert_num_queries(2):
        shown = button(entry)
    assert "Fetch now · uses 1 of 12 searches</button>" in shown
    assert f'action="/keywords/{entry.pk}/fetch/"' in shown
    assert "of-the-page" in shown

    page = client.post(f"/keywords/{entry.pk}/fetch/", follow=True)
    assert "Searching now. Results appear below." in page.text
    assert VideoLog.objects.get().trigger == "manual"


def test_below_the_reserve_it_asks_once_more(client: Client, entry: KeyWordEntry) -> None:
    spend(95)
    assert "uses 1 of 5 searches" in button(entry)
    page = client.post(f"/keywords/{entry.pk}/fetch/")
    assert "last 5 searches are kept for manual and first fetches." in page.text
    assert not VideoLog.objects.exists()

    page = client.post(f"/keywords/{entry.pk}/fetch/", {"confirmed": "1"}, follow=True)
    assert "Searching now." in page.text
    assert VideoLog.objects.count() == 1


def test_the_last_search_says_so(client: Client, entry: KeyWordEntry) -> None:
    spend(99)
    assert "uses 1 of 1 search<" in button(entry)
    assert "This is today's last search." in " ".join(client.post(f"/keywords/{entry.pk}/fetch/").text.split())


def test_without_searches_there_is_no_button(client: Client, entry: KeyWordEntry) -> None:
    spend(60)
    ledger.mark_exhausted("birds", "search", timezone.now())
    shown = button(entry)
    assert "<button" not in shown
    assert "waits until" in shown
    assert "08:00 UTC" in shown

    page = client.post(f"/keywords/{entry.pk}/fetch/", follow=True)  # from a page that is older
    assert "Daily search limit reached. It is fetched in 12 h." in page.text
    assert "Searching now. Results" not in page.text


@pytest.mark.parametrize("searches", [100, 0])
def test_what_uses_no_search_of_youtube_names_none(entry: KeyWordEntry, settings: Any, searches: int) -> None:
    """Invidious is searched while there are no searches; without a key, the fetch says what is missing."""
    settings.INVIDIOUS_URL = "http://127.0.0.1:9"
    spend(searches)
    if not searches:
        keys.refuse(keys.usable()[0][0], "It has expired.")
    assert "Fetch now</button>" in button(entry)
