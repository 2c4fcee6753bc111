"""A keyword that no plan has reached, as without a key, promises no interval."""

import pytest
from django.core.management import call_command
from django.test import Client

from apps.videos.models import KeyWordEntry

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["/keywords/{}/", "/keywords/", "/quota/", "/admin/videos/keywordentry/"])
def test_pages_say_so(admin_client: Client, address: str) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels", interval=600)
    shown = admin_client.get(address.format(entry.pk)).text

    assert "not planned yet" in shown
    assert "every 1 day" not in shown
    assert "daily limit" not in shown


def test_the_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    KeyWordEntry.objects.create(keyword="kestrels")
    call_command("quota")
    assert "not planned yet" in capsys.readouterr().out


def test_the_api_has_null_and_sorts_it_last(client: Client) -> None:
    new, _ = (KeyWordEntry.objects.create(keyword=word) for word in ("kestrels", "kites"))
    KeyWordEntry.objects.exclude(pk=new.pk).update(planned_interval=600)

    for order in ("", "-"):
        *_, shown = client.get(f"/api/keywords/?ordering={order}planned_interval").json()["results"]
        assert shown["id"] == new.pk
        assert [shown[name] for name in ("planned_interval", "searches_per_day", "expected_delay")] == [None] * 3
        assert not shown["stretched"]
    plan = client.get("/api/quota/").json()["plan"]
    assert [line["planned_interval"] for line in plan] == [600, None]
