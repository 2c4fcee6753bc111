"""/keywords/: pause, resume, set or delete those that are selected, and undo it."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos
from apps.videos import bulk, tasks
from apps.videos.models import KeyWordEntry, Video

pytestmark = pytest.mark.django_db


@pytest.fixture
def birds() -> list[KeyWordEntry]:
    words = ("kestrel", "owl", "red kite", "wren")
    return [
        KeyWordEntry.objects.create(keyword=word, interval=60, weight=number) for number, word in enumerate(words, 1)
    ]


def change(client: Client, action: str, *chosen: KeyWordEntry, query: str = "", **given: Any) -> str:
    """Send the form; return the page that follows."""
    asked = {"id": [entry.pk for entry in chosen], "action": action} | given
    response = client.post(f"/keywords/{query}", asked, follow=True)
    assert response.redirect_chain == [(f"/keywords/{query}", 302)]
    return str(response.content.decode())


def undo(client: Client, page: str) -> str:
    address, token = re.findall(r'action="(/keywords/undo/[^"]*)".*name="token" value="([^"]+)"', page)[0]
    return str(client.post(address, {"token": token}, follow=True).content.decode())


def values(name: str) -> list[Any]:
    return list(KeyWordEntry.objects.order_by("pk").values_list(name, flat=True))


@pytest.mark.parametrize(
    ("action", "given", "says", "name", "after"),
    [
        ("pause", {}, "Paused 2 keywords.", "state", ["paused", "watched", "paused", "watched"]),
        ("interval", {"interval": "1 h"}, "Set the interval of 2 keywords to 1 h.", "interval", [3600, 60, 3600, 60]),
        ("interval", {}, "Set the interval of 2 keywords to the default.", "interval", [None, 60, None, 60]),
        ("weight", {"weight": "50"}, "Set the weight of 2 keywords to 50.", "weight", [50, 2, 50, 4]),
        ("", {"weight": "50"}, "Set the weight of 2 keywords to 50.", "weight", [50, 2, 50, 4]),
        ("delete", {}, "Deleted 2 keywords. Videos found by no other keyword", "weight", [2, 4]),
    ],
)
def test_it_works_and_is_undone(
    client: Client,
    birds: list[KeyWordEntry],
    action: str,
    given: dict[str, str],
    says: str,
    name: str,
    after: list[Any],
) -> None:
    before = values(name)
    page = change(client, action, birds[0], birds[2], **given)
    assert says in page
    assert values(name) == after
    assert "Undone: 2 keywords are as before." in undo(client, page)
    assert values(name) == before


def test_they_are_resumed(client: Client, birds: list[KeyWordEntry]) -> None:
    KeyWordEntry.objects.filter(pk__in=[birds[0].pk, birds[1].pk]).set_state(KeyWordEntry.State.PAUSED)
    page = change(client, "resume", birds[0], birds[2])
    assert "Now watching 1 keyword." in page
    assert values("state") == ["watched", "paused", "watched", "watched"]


def test_all_that_match_are_changed_not_only_those_on_the_page(client: Client, birds: list[KeyWordEntry]) -> None:
    KeyWordEntry.objects.bulk_create(KeyWordEntry(keyword=f"owl {n:03}", normalized=f"owl {n:03}") for n in range(150))
    shown = client.get("/keywords/?search=owl").content.decode()
    assert "Select all 151 that match" in shown
    assert "Paused 151 keywords." in change(client, "pause", query="?search=owl&page=2", all="151")
    assert KeyWordEntry.objects.filter(state="paused").count() == 151
    assert values("state")[0] == "watched"


def test_what_was_already_so_is_not_counted(client: Client, birds: list[KeyWordEntry]) -> None:
    change(client, "pause", birds[0])
    assert "Paused 1 keyword." in change(client, "pause", birds[0], birds[1])
    page = change(client, "pause", birds[0])
    assert "Nothing changed: the selected keywords are like this already." in page
    assert "Undo" not in page


def test_deleted_keywords_are_gone_at_once_and_erased_after_the_undo(client: Client, frozen_time: Any) -> None:
    entry = keyword_with_videos("kestrels", 2)
    change(client, "delete", entry)
    assert not KeyWordEntry.objects.exists()
    tasks.erase_deleted()
    assert Video.objects.count() == 2
    frozen_time.move(seconds=bulk.UNDO_FOR.total_seconds())
    tasks.erase_deleted()
    assert not Video.objects.exists()
    assert not KeyWordEntry.including_deleted.exists()


def test_it_is_undone_once_and_not_too_late(client: Client, birds: list[KeyWordEntry], frozen_time: Any) -> None:
    page = change(client, "pause", birds[0])
    undo(client, page)
    change(client, "pause", birds[0])
    assert "It is too late to undo this." in undo(client, page)
    page = change(client, "pause", birds[1])
    frozen_time.move(seconds=bulk.UNDO_FOR.total_seconds() + 1)
    assert "It is too late to undo this." in undo(client, page)
    assert values("state")[:2] == ["paused", "paused"]
    assert "It is too late to undo this." in client.post("/keywords/undo/", follow=True).content.decode()


def test_an_undo_says_if_some_have_changed_since(client: Client, birds: list[KeyWordEntry]) -> None:
    page = change(client, "weight", birds[0], birds[1], weight="9")
    KeyWordEntry.objects.filter(pk=birds[0].pk).update(weight=10)
    assert "Undone for 1 of 2 keywords. The others have changed since." in undo(client, page)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"action": "pause", "id": []}, "Select keywords first."),
        ({"action": "interval", "interval": "often"}, "Enter a duration such as 30 min"),
        ({"action": "weight", "weight": "101"}, "Enter a whole number from 1 to 100."),
        ({"action": "weight", "weight": ""}, "Enter a whole number from 1 to 100."),
        ({"action": "explode"}, "Choose what to do with the selected keywords."),
        ({}, "Choose what to do with the selected keywords."),
    ],
)
def test_a_mistake_is_explained_and_the_selection_kept(
    client: Client, birds: list[KeyWordEntry], asked: dict[str, Any], says: str
) -> None:
    response = client.post("/keywords/?ordering=keyword", {"id": [birds[1].pk]} | asked)
    page = response.content.decode()
    assert response.status_code == 200
    assert says in page
    checked = re.findall(r'name="id" value="(\d+)"[^>]* checked', page)
    assert checked == ([] if asked.get("id") == [] else [str(birds[1].pk)])
    assert values("state") == ["watched"] * 4


def test_after_a_mistake_all_are_still_selected(client: Client, birds: list[KeyWordEntry]) -> None:
    page = client.post("/keywords/", {"all": "4", "action": "weight", "weight": "x"}).content.decode()
    assert re.search('id="pick-all"[^>]* checked', page)
    assert 'value="x"' in page
    assert not re.search('id="pick-all"[^>]* checked', client.get("/keywords/").content.decode())


def test_a_wrong_value_of_another_field_does_not_matter(client: Client, birds: list[KeyWordEntry]) -> None:
    assert "Paused 1 keyword." in change(client, "pause", birds[0], interval="often", weight="1000")


@pytest.mark.parametrize("text", ["x", "-1", "9" * 30, "²", ""])
def test_an_id_that_is_none_is_refused(client: Client, text: str) -> None:
    assert "Select keywords first." in client.post("/keywords/", {"id": text, "action": "pause"}).content.decode()


def test_two_hundred_cost_as_many_queries_as_two(client: Client, django_assert_max_num_queries: Any) -> None:
    numbers = []
    for number in (2, 200):
        entries = KeyWordEntry.objects.bulk_create(
            KeyWordEntry(keyword=f"bird {number} {n}", normalized=f"bird {number} {n}") for n in range(number)
        )
        with django_assert_max_num_queries(12) as queries:
            client.post("/keywords/", {"id": [entry.pk for entry in entries], "action": "pause"})
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]
    assert KeyWordEntry.objects.filter(state="paused").count() == 202


def test_it_needs_permission_and_the_forms_own_page(birds: list[KeyWordEntry], client: Client, settings: Any) -> None:
    assert Client(enforce_csrf_checks=True).post("/keywords/", {"action": "pause"}).status_code == 403
    assert client.get("/keywords/undo/").status_code == 405
    settings.SIGN_IN = "write"
    for address in ("/keywords/", "/keywords/undo/"):
        response = client.post(address, {"id": [birds[0].pk], "action": "pause"})
        assert "/sign-in/" in response["Location"]
    assert values("state") == ["watched"] * 4
