"""/rules/: hiding a channel, a word or short videos, after a look at how many that hides."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.videos import hiding
from apps.videos.models import HidingRule, KeyWordEntry, Video
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db

CHANNEL = "UC" + "b" * 22


@pytest.fixture(autouse=True)
def entry() -> KeyWordEntry:
    kestrels, owls = KeyWordEntry.objects.create(keyword="kestrels"), KeyWordEntry.objects.create(keyword="owls")
    store(kestrels, found_video("short", duration=30), found_video("birds", channel_id=CHANNEL, duration=600))
    store(owls, found_video("football", title="Owls play football", duration=600))
    return kestrels


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", response.content.decode()))


def shown(client: Client) -> set[str]:
    return set(videos_on(client.get("/").text))


@pytest.mark.parametrize(
    ("chosen", "number", "left"),
    [
        ({"kind": "word", "value": "Football"}, 1, {"short", "birds"}),
        ({"kind": "channel", "value": CHANNEL}, 1, {"short", "football"}),
        ({"kind": "min_duration", "value": "3 min"}, 1, {"birds", "football"}),
        ({"kind": "min_duration", "value": "3 min", "keyword": "KESTRELS"}, 1, {"birds", "football"}),
        ({"kind": "min_duration", "value": "1 h", "keyword": "owls"}, 1, {"short", "birds"}),
        ({"kind": "min_duration", "value": "3600"}, 3, set()),
    ],
)
def test_it_works(client: Client, chosen: dict[str, str], number: int, left: set[str]) -> None:
    preview = client.get("/rules/", chosen)
    assert f"this hides {number} stored video" in text(preview)
    assert not HidingRule.objects.exists()

    hidden = re.findall('type="hidden" name="(kind|value|keyword)" value="([^"]*)"', preview.content.decode())
    added = client.post("/rules/", dict(hidden), follow=True)
    assert "The rule is being applied." in text(added)
    hiding.apply_pending()
    assert shown(client) == left

    rule = HidingRule.objects.get()
    assert f"Deleted the rule “{rule}”." in text(client.post(f"/rules/{rule.pk}/delete/", follow=True))
    hiding.apply_pending()
    assert shown(client) == {"short", "birds", "football"}


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"kind": "word", "value": ""}, "Enter a word"),
        ({"kind": "word", "value": "!!"}, "Must have a letter or a digit."),
        ({"kind": "channel", "value": "Birds"}, "Must be the id of a channel"),
        ({"kind": "min_duration", "value": "long"}, "Enter a duration such as 3 min."),
        ({"kind": "odd", "value": "x"}, "Choose one of the kinds."),
        ({"kind": "word", "value": "x", "keyword": "sparrows"}, "There is no such keyword."),
    ],
)
def test_mistakes_are_explained(client: Client, chosen: dict[str, str], says: str) -> None:
    for response in (client.get("/rules/", chosen), client.post("/rules/", chosen)):
        assert says in text(response)
        assert "this hides" not in text(response)
    assert not HidingRule.objects.exists()


def test_a_card_leads_to_a_rule_for_its_channel(client: Client, entry: KeyWordEntry) -> None:
    for page, keyword in (("/", ""), (f"/keywords/{entry.pk}/", "&amp;keyword=kestrels")):
        address = f"/rules/?kind=channel&amp;value={CHANNEL}{keyword}"
        assert f'href="{address}"' in client.get(page).content.decode()
        assert "Channel A channel" in text(client.get(address.replace("&amp;", "&")))
        assert "this hides 1 stored video" in text(client.get(address.replace("&amp;", "&")))


def test_what_a_rule_hides_says_so(client: Client) -> None:
    hiding.add("word", "football")
    hiding.apply_pending()
    card = text(client.get("/?hidden=true"))
    assert "Hidden by a rule: “football”" in card
    assert "Show again" not in card
    assert Video.objects.get(pk="football").is_hidden


def test_readers_see_no_rules(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "write"
    rule, _ = hiding.add("word", "football")
    assert "/sign-in/" in client.get("/rules/").url  # type: ignore[attr-defined]
    assert "/sign-in/" in client.post(f"/rules/{rule.pk}/delete/").url  # type: ignore[attr-defined]
    assert "Hiding rules" not in text(client.get("/"))
