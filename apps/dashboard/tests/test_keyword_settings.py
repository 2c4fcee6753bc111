"""/keywords/<id>/settings/: interval and weight, and their effect before they are saved."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from apps.conftest import MovableTime
from apps.dashboard.tests.test_quota import text_of
from apps.dashboard.times import roughly
from apps.quota import keys
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.plan import effect_of
from apps.videos.tests.builders import watched

GIVEN = {"interval": "", "weight": "1", "notify": "off"}


@pytest.fixture
def entry(frozen_time: MovableTime, settings: Any, db: None) -> KeyWordEntry:
    settings.SHARE_SEARCHES = False
    frozen_time.move_to(datetime(2026, 11, 21, 8, tzinfo=UTC))
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()
    watched(kestrel=10, falcon=10, hobby=10)
    return KeyWordEntry.objects.get(keyword="kestrel")


def address_of(entry: KeyWordEntry) -> str:
    return f"/keywords/{entry.pk}/settings/"


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


def test_it_works(client: Client, entry: KeyWordEntry) -> None:
    before = dict(KeyWordEntry.objects.values_list("pk", "planned_interval"))
    assert address_of(entry) in client.get("/quota/").text
    assert 'name="weight" value="1"' in client.get(address_of(entry)).text

    page = client.post(address_of(entry), GIVEN | {"weight": "16", "preview": "1"})
    # 98 searches, 6 of which are shared 4 : 1 : 1.
    assert "kestrel 44 min 22 min" in text(page)
    assert "Other keywords, on average 44 min 1 h 28 min" in text(page)
    assert "Nothing has been saved." in page.text
    assert 'name="weight" value="16"' in page.text
    assert dict(KeyWordEntry.objects.values_list("pk", "planned_interval")) == before
    assert KeyWordEntry.objects.get(pk=entry.pk).weight == 1

    page = client.post(address_of(entry), GIVEN | {"weight": "16"}, follow=True)
    assert page.redirect_chain == [(f"/keywords/{entry.pk}/", 302)]
    assert KeyWordEntry.objects.get(pk=entry.pk).weight == 16


def test_a_requested_interval_that_does_not_fit_says_so(client: Client, entry: KeyWordEntry) -> None:
    page = client.post(address_of(entry), GIVEN | {"interval": "1 min", "preview": "1"})
    assert "The daily limit does not allow the requested interval." in page.text
    effect = effect_of(entry, 60, 1)
    assert roughly(effect.own_after) in text(page)
    assert effect.own_after > 60


@pytest.mark.parametrize(
    ("given", "error"), [({"weight": "0"}, "greater than or equal to 1"), ({"interval": "x"}, "30 min")]
)
def test_what_is_invalid_is_explained(client: Client, entry: KeyWordEntry, given: dict[str, str], error: str) -> None:
    page = client.post(address_of(entry), GIVEN | given)
    assert error in page.text
    assert "Effect" not in page.text
    entry.refresh_from_db()
    assert (entry.interval, entry.weight) == (None, 1)


def test_a_paused_keyword_has_an_effect_once_it_is_watched(client: Client, entry: KeyWordEntry) -> None:
    entry.change(state=KeyWordEntry.State.PAUSED)
    page = text(client.post(address_of(entry), GIVEN | {"preview": "1"}))
    assert "kestrel not searched 44 min" in page
    assert "Other keywords, on average 29 min 44 min" in page
    assert "This keyword is paused" in page


def test_without_a_key_there_is_nothing_to_compare(client: Client, entry: KeyWordEntry) -> None:
    keys.refuse(keys.usable()[0][0], "It has expired.")
    page = client.post(address_of(entry), GIVEN | {"preview": "1"})
    assert "Nothing can be searched at present" in page.text


def test_it_needs_permission(client: Client, entry: KeyWordEntry, settings: Any) -> None:
    settings.SIGN_IN = "write"
    assert "/sign-in/" in client.get(address_of(entry)).url
    assert "/sign-in/" in client.post(address_of(entry), {"weight": "5"}).url
    assert KeyWordEntry.objects.get(pk=entry.pk).weight == 1
    assert "Change" not in text_of(client, "/quota/")


def test_a_preview_costs_the_same_however_many_keywords_there_are(
    client: Client, entry: KeyWordEntry, django_assert_num_queries: Any
) -> None:
    for number in range(2):
        watched(**{f"word{number}-{n}": 5 for n in range(10)})
        # 1 the keyword, 2 keys, 3 used quota, 4 further pages, 5 gaps, 6 rates, weights and intervals, 7 incidents
        with django_assert_num_queries(8):
            client.post(address_of(entry), GIVEN | {"weight": "4", "preview": "1"})


@pytest.mark.parametrize(("typed", "seconds"), [("10 min", 600), ("", None), ("automatic", None)])
def test_the_interval_is_changed(client: Client, entry: KeyWordEntry, typed: str, seconds: int | None) -> None:
    entry.change(interval=60)
    client.post(address_of(entry), GIVEN | {"interval": typed})
    entry.refresh_from_db()
    assert entry.interval == seconds


def test_notifications_are_chosen(client: Client, entry: KeyWordEntry) -> None:
    client.post(address_of(entry), GIVEN | {"notify": "daily"})
    entry.refresh_from_db()
    assert entry.notify == "daily"
    assert "go to the addresses in NOTIFY_URLS" in text(client.get(address_of(entry)))
    entry.change(notify_urls="mailto://user:secret@example.org")
    shown = client.get(address_of(entry)).text
    assert "mailto" in shown
    assert "secret" not in shown
