"""Why an interval is longer than the requested or default one: the daily limit, or the shortest interval."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.dashboard.times import span
from apps.quota import keys
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.plan import effect_of
from apps.videos.scheduling.shares import stretched_by

pytestmark = pytest.mark.django_db


def text(page: Any) -> str:
    return " ".join(re.sub("<[^>]*>", "", page.text).split())


@pytest.mark.parametrize(
    ("requested", "planned", "cause"),
    [
        (None, 600, None),
        (600, None, None),
        (600, 600, None),
        (600, 300, None),
        (3600, 3643, None),  # rounded to the grid
        (20, 60, "minimum"),
        (20, 61, "minimum"),
        (20, 300, "daily_limit"),
        (60, 300, "daily_limit"),
        (3600, 4000, "daily_limit"),
    ],
)
def test_the_cause(requested: int | None, planned: int | None, cause: str | None) -> None:
    assert stretched_by(requested, planned) == cause


@pytest.mark.parametrize(
    ("interval", "default", "planned", "standing", "reason", "field"),
    [
        (
            20,
            None,
            60,
            "You requested every 20 s; the shortest interval is 1 min.",
            "requested every 20 s; the shortest is 1 min",
            "minimum",
        ),
        (
            None,
            20,
            60,
            "The default is every 20 s; the shortest interval is 1 min.",
            "default every 20 s; the shortest is 1 min",
            "minimum",
        ),
        (
            None,
            20,
            864,
            "The default is every 20 s; the daily limit allows every 14 min.",
            "default every 20 s; not enough searches",
            "daily_limit",
        ),
    ],
)
def test_pages_and_api_say_it(
    client: Client,
    settings: Any,
    interval: int | None,
    default: int | None,
    planned: int,
    standing: str,
    reason: str,
    field: str,
) -> None:
    settings.FETCH_INTERVAL = default
    settings.YT_KEYS = [("a", "a-secret-key")]
    keys.sync()
    entry = KeyWordEntry.objects.create(keyword="kestrels", interval=interval)
    KeyWordEntry.objects.update(planned_interval=planned)

    assert standing in text(client.get(f"/keywords/{entry.pk}/"))
    assert reason in text(client.get("/quota/"))
    assert (f"{span(interval or 0)} requested" in text(client.get("/keywords/"))) is (interval is not None)
    shown = client.get(f"/api/keywords/{entry.pk}/").json()
    assert (shown["stretched"], shown["stretched_by"]) == (True, field)


def test_a_preview_of_settings_says_it(client: Client, settings: Any) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels")
    given = {"interval": "20 s", "weight": "1", "notify": "off", "preview": "1"}
    settings.INVIDIOUS_URL, settings.YT_KEYS = "http://127.0.0.1:9", []
    assert "The shortest interval is 1 min." in text(client.post(f"/keywords/{entry.pk}/settings/", given))

    settings.INVIDIOUS_URL, settings.FETCH_INTERVAL = "", 20
    settings.YT_KEYS = [("a", "a-secret-key")]
    keys.sync()
    page = client.post(f"/keywords/{entry.pk}/settings/", given | {"interval": ""})
    assert "The daily limit does not allow the default interval." in text(page)


def test_a_keyword_that_its_group_lets_be_searched_more_often(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels", interval=3600)
    KeyWordEntry.objects.update(planned_interval=900)
    shown = text(client.get(f"/keywords/{entry.pk}/"))
    assert "every 15 min You requested every 1 h; its group is searched more often." in shown
    assert "requested every 1 h; more often with its group" in text(client.get("/quota/"))
    assert "every 15 min 1 h requested" in text(client.get("/keywords/"))
    KeyWordEntry.objects.update(planned_interval=3600)
    assert "1 h requested" not in text(client.get("/keywords/"))


def test_a_group_that_is_searched_more_often_stretches_nothing(settings: Any) -> None:
    settings.YT_KEYS = [("a", "a-secret-key")]
    keys.sync()
    entry, *_ = [KeyWordEntry.objects.create(keyword=word) for word in ("kestrels", "kites", "owls")]
    effect = effect_of(entry, 7200, 1)
    assert effect
    assert effect.own_after < 7200
    assert effect.stretched_by is None
