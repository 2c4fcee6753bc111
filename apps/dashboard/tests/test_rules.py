"""/rules/: hiding a channel, a word or short videos, after a look at how many that hides."""

import re
from html import escape, unescape
from typing import Any

import pytest
from django.test import Client

from apps.videos import hiding
from apps.videos.models import HidingRule, KeyWordEntry, Video
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db

CHANNEL = "UC" + "b" * 22
HIDDEN = 'type="hidden" name="([^"]*)" value="([^"]*)"'


@pytest.fixture(autouse=True)
def entry() -> KeyWordEntry:
    kestrels, owls = KeyWordEntry.objects.create(keyword="kestrels"), KeyWordEntry.objects.create(keyword="owls")
    store(kestrels, found_video("short", duration=30), found_video("birds", channel_id=CHANNEL, duration=600))
    store(owls, found_video("football", title="Owls play football", duration=600))
    return kestrels


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", response.content.decode()))


def hidden_fields(client: Client, page: str) -> dict[str, str]:
    """Return the values of the hidden fields in the content of a page."""
    content, _, _ = client.get(page).text.partition("<footer>")
    return {name: unescape(value) for name, value in re.findall(HIDDEN, content)}


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
    rule = HidingRule.objects.get()
    assert f"Rule added: {rule}. It hides {number} stored video{'' if number == 1 else 's'}." in unescape(text(added))
    hiding.apply_pending()
    assert shown(client) == left

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


@pytest.mark.parametrize(
    ("page", "keyword"),
    [
        ("/?ordering=published_at", None),
        ("/keywords/{pk}/?ordering=published_at", "kestrels"),
        ("/videos/birds/", None),
    ],
)
def test_a_card_leads_to_a_rule_for_its_channel_and_back(
    client: Client, entry: KeyWordEntry, page: str, keyword: str | None
) -> None:
    page = page.format(pk=entry.pk)
    marked = client.post("/videos/birds/marks/", hidden_fields(client, page), headers={"HX-Request": "true"})
    for html in (client.get(page).text, marked.text):
        address = next(link for link in re.findall('href="(/rules/[^"]*)"', html) if CHANNEL in link)
        preview = client.get(unescape(address))
        assert "Channel A channel" in text(preview)
        assert f'<a href="{escape(page)}">Cancel</a>' in preview.text
    added = client.post("/rules/", hidden_fields(client, unescape(address)), follow=True)
    assert added.redirect_chain == [(page, 302)]
    assert "Rule added: channel A channel. It hides 1 stored video." in text(added)
    rule = HidingRule.objects.get()
    assert (rule.value, rule.keyword and rule.keyword.keyword) == (CHANNEL, keyword)
    undone = client.post(f"/rules/{rule.pk}/delete/", {"next": page})
    assert undone["Location"] == page


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example/"])
def test_a_rule_leads_to_no_other_site(client: Client, elsewhere: str) -> None:
    chosen = {"kind": "word", "value": "football", "next": elsewhere}
    assert 'name="next"' not in client.get("/rules/", chosen).text.partition("<footer>")[0]
    assert client.post("/rules/", chosen)["Location"] == "/rules/"


def test_the_page_asks_while_a_rule_is_being_applied(client: Client) -> None:
    hiding.add("word", "football")
    page = client.get("/rules/").text
    assert "under way" in page
    assert 'hx-get="/rules/" hx-trigger="every 1s"' in page
    hiding.apply_pending()
    refreshed = client.get("/rules/", headers={"HX-Request": "true"}).text
    assert "“football”" in refreshed
    assert "under way" not in refreshed
    assert "hx-get" not in refreshed
    assert "<h1>" not in refreshed


def test_too_many_rules_are_explained(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hiding, "MOST_RULES", 0)
    assert "There are 0 rules already." in text(client.post("/rules/", {"kind": "word", "value": "football"}))


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
