"""Without a usable key and without Invidious nothing is searched, and no page promises a time."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.quota import keys
from apps.quota.models import ApiKey
from apps.videos.models import KeyWordEntry

pytestmark = pytest.mark.django_db

PROMISES = ["in 30 s", "in 29 s", "The first fetch takes"]


def refuse_all(settings: Any) -> None:
    for key in ApiKey.objects.all():
        keys.refuse(key, "The key is not valid.")


def suspend_one(settings: Any) -> None:
    keys.suspend(ApiKey.objects.earliest("pk").project, "It is suspended.")


def remove_all(settings: Any) -> None:
    settings.YT_KEYS = []
    keys.sync()


@pytest.fixture
def entries() -> list[KeyWordEntry]:
    """One that was fetched and fails, and a new one; both due in 30 seconds."""
    keys.sync()
    old, new = (KeyWordEntry.objects.create(keyword=word, interval=60) for word in ("kestrels", "kites"))
    KeyWordEntry.objects.update(next_due_at=timezone.now() + timedelta(seconds=30), planned_interval=3600)
    KeyWordEntry.objects.filter(pk=old.pk).update(last_fetched_at=timezone.now(), last_status="failed")
    return [old, new]


def pages(client: Client, entries: list[KeyWordEntry]) -> list[str]:
    return [
        client.get(address).text for address in ("/", "/keywords/", "/quota/", *(f"/keywords/{e.pk}/" for e in entries))
    ]


@pytest.mark.parametrize("lose", [refuse_all, suspend_one, remove_all])
def test_it_works(client: Client, settings: Any, entries: list[KeyWordEntry], lose: Callable[[Any], None]) -> None:
    for shown in pages(client, entries):
        assert "usable key" not in shown
    lose(settings)
    for shown in pages(client, entries):
        assert "usable key" in shown
        assert not any(promise in shown for promise in [*PROMISES, "daily limit"])


def test_the_api_and_the_command_say_it_too(
    client: Client, settings: Any, entries: list[KeyWordEntry], capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.get("/api/quota/").json()["scheduled"]["waits_for_key"] is False
    remove_all(settings)
    assert client.get("/api/quota/").json()["scheduled"]["waits_for_key"] is True
    call_command("quota")
    assert capsys.readouterr().out.count("waits for a usable key") == 2


def test_nothing_waits_while_invidious_is_searched(client: Client, settings: Any, entries: list[KeyWordEntry]) -> None:
    settings.INVIDIOUS_URL = "http://127.0.0.1:9"
    remove_all(settings)
    assert not any("a usable key" in shown for shown in pages(client, entries))
