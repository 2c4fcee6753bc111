"""Preview: one search for a keyword, which can then be watched or discarded."""

from typing import Any

import pytest
from django.test import Client

from apps.videos import tasks
from apps.videos.fetching import manual
from apps.videos.models import KeyWordEntry, VideoLog
from simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

# Without JavaScript the page is loaded again until there are results.
REFRESH = '<noscript><meta http-equiv="refresh" content="3"></noscript>'


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch, sent: list[tuple]) -> None:
    monkeypatch.setattr(manual, "PREVIEW_SECONDS", 0)


def previewed(client: Client) -> tuple[KeyWordEntry, str]:
    """Preview a keyword; return it, and its page after the search."""
    response = client.post("/preview/", {"keyword": "kestrels", "interval": ""}, follow=True)
    entry = KeyWordEntry.objects.get()
    assert response.redirect_chain == [(f"/keywords/{entry.pk}/", 302)]
    assert "Searching now. Results appear here." in response.content.decode()
    assert REFRESH in response.content.decode()
    tasks.process_trigger(entry.pk, trigger="preview", log_id=VideoLog.objects.get().pk)
    return entry, client.get(f"/keywords/{entry.pk}/").content.decode()


def test_it_works(client: Client, youtube: Simulator) -> None:
    entry, shown = previewed(client)
    assert "A preview: searched once, and not watched." in shown
    assert "Once watched, it is searched about every" in shown
    assert "New videos" in shown
    assert REFRESH not in shown
    assert shown.count('class="card"') == 8
    assert "Fetch now" not in shown
    assert "kestrels" not in client.get("/keywords/").content.decode()

    client.post(f"/keywords/{entry.pk}/resume/")
    assert KeyWordEntry.objects.get().state == "watched"
    assert "A preview" not in client.get(f"/keywords/{entry.pk}/").content.decode()


def test_it_is_discarded(client: Client, youtube: Simulator) -> None:
    entry, _ = previewed(client)
    client.post(f"/keywords/{entry.pk}/delete/")
    assert not KeyWordEntry.objects.exists()


def test_a_search_that_fails_says_why(client: Client, youtube: Simulator, settings: Any) -> None:
    settings.YT_KEYS = []
    _, shown = previewed(client)
    assert "The search failed: No YouTube API key is configured" in shown


def test_a_keyword_that_exists_is_opened(client: Client) -> None:
    KeyWordEntry.objects.create(keyword="Kestrels")
    assert (
        "“Kestrels” already exists." in client.post("/preview/", {"keyword": "kestrels"}, follow=True).content.decode()
    )


def test_a_mistake_is_explained_at_the_field(client: Client) -> None:
    shown = client.post("/preview/", {"keyword": " "}).content.decode()
    assert "Enter a keyword." in shown
    assert 'hx-get="/"' in shown
