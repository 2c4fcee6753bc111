"""Fetch now, pause, resume, delete."""

from typing import Any

import pytest
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos
from apps.videos.models import KeyWordEntry, VideoLog

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> KeyWordEntry:
    return keyword_with_videos("kestrels", 2)


def test_it_works(
    client: Client, entry: KeyWordEntry, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"/keywords/{entry.pk}/fetch/", follow=True)

    log = VideoLog.objects.get()
    assert (log.status, log.trigger) == ("waiting", "manual")
    assert sent == [("process_trigger", (entry.pk,), {"trigger": "manual", "log_id": log.pk})]
    assert response.redirect_chain == [(f"/keywords/{entry.pk}/", 302)]
    assert "Searching now. Results appear below." in response.content.decode()


def test_it_is_paused_and_resumed(client: Client, entry: KeyWordEntry) -> None:
    shown = client.post(f"/keywords/{entry.pk}/pause/", follow=True).content.decode()
    entry.refresh_from_db()
    assert entry.state == "paused"
    assert "Paused." in shown
    assert "Resume" in shown

    client.post(f"/keywords/{entry.pk}/resume/")
    entry.refresh_from_db()
    assert entry.state == "watched"
    assert entry.video_count == 2


def test_deleting_asks_first(client: Client, entry: KeyWordEntry) -> None:
    shown = client.get(f"/keywords/{entry.pk}/delete/").content.decode()

    assert "2\n      videos, except those that other keywords found" in shown
    assert "The fetch log is kept." in shown
    assert KeyWordEntry.objects.count() == 1


def test_it_is_deleted(client: Client, entry: KeyWordEntry) -> None:
    response = client.post(f"/keywords/{entry.pk}/delete/", follow=True)

    assert response.redirect_chain == [("/", 302)]
    assert "Deleted “kestrels”" in response.content.decode()
    assert not KeyWordEntry.objects.exists()


@pytest.mark.parametrize("action", ["fetch", "pause", "resume"])
def test_links_change_nothing(client: Client, entry: KeyWordEntry, action: str) -> None:
    assert client.get(f"/keywords/{entry.pk}/{action}/").status_code == 405


@pytest.mark.parametrize("action", ["settings/", "fetch/", "pause/", "resume/", "delete/"])
def test_foreign_pages_change_nothing(entry: KeyWordEntry, action: str) -> None:
    response = Client(enforce_csrf_checks=True).post(f"/keywords/{entry.pk}/{action}")

    assert response.status_code == 403
    assert "Form not accepted" in response.content.decode()
    assert KeyWordEntry.objects.get().state == "watched"
