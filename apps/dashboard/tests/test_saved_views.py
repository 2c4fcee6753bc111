"""Saved views: choices of videos with a name, on /."""

from typing import Any

import pytest
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos
from apps.videos.models import SavedView

pytestmark = pytest.mark.django_db

QUERY = "live=none&search=kestrel"


def home(client: Client, query: str = "") -> str:
    return client.get(f"/?{query}").content.decode()


@pytest.fixture(autouse=True)
def _keyword() -> None:
    keyword_with_videos("kestrels")


def test_it_works(client: Client) -> None:
    assert 'name="query" value="live=none&amp;search=kestrel"' in home(client, "search=kestrel&live=none&page=1")
    response = client.post("/views/", {"name": "No streams", "query": QUERY}, follow=True)
    shown = response.content.decode()

    assert response.redirect_chain == [(f"/?{QUERY}", 302)]
    assert "Saved “No streams”." in shown
    assert (
        '<a class="chip" href="/?live=none&amp;search=kestrel" aria-current="true" dir="auto">No streams</a>' in shown
    )
    assert "No streams" in home(client)


def test_the_same_name_is_changed(client: Client) -> None:
    for query in ("live=live", QUERY):
        response = client.post("/views/", {"name": "Mine", "query": query}, follow=True)
    assert "instead of the earlier view" in response.content.decode()
    assert [view.query for view in SavedView.objects.all()] == [QUERY]


@pytest.mark.parametrize(
    ("name", "query", "says"),
    [
        ("", QUERY, "Enter a name."),
        ("x" * 61, QUERY, "at most 60 characters"),
        ("Everything", "", "Choose filters or an order first."),
    ],
)
def test_mistakes_are_explained(client: Client, name: str, query: str, says: str) -> None:
    assert says in client.post("/views/", {"name": name, "query": query}, follow=True).content.decode()
    assert not SavedView.objects.exists()


def test_filters_with_a_mistake_are_not_offered(client: Client) -> None:
    assert "Save as a view" in home(client, "ordering=duration")
    assert "Save as a view" not in home(client, "ordering=luck")


def test_it_is_deleted_where_it_is_shown(client: Client) -> None:
    view = SavedView.objects.create(name="Mine", query=QUERY)
    assert f'action="/views/{view.pk}/delete/"' in home(client, QUERY)
    assert "Delete this view" not in home(client)
    shown = client.post(f"/views/{view.pk}/delete/", follow=True).content.decode()
    assert "Deleted the view “Mine”." in shown
    assert not SavedView.objects.exists()


def test_readers_see_views_and_cannot_change_them(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "write"
    view = SavedView.objects.create(name="Mine", query=QUERY)
    assert "Mine" in home(client)
    assert "Save as a view" not in home(client, "live=live")
    for address in ("/views/", f"/views/{view.pk}/delete/"):
        assert client.post(address, {"name": "x", "query": QUERY})["Location"].startswith("/sign-in/")
    assert [saved.name for saved in SavedView.objects.all()] == ["Mine"]
