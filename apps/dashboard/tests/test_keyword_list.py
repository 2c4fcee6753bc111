"""/keywords/: searching, filtering and sorting the keywords; the address has the API's names and values."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.dashboard.tests.builders import NOON, keyword_with_videos, log_of
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tests.plans import assert_no_scan, recorded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def birds() -> None:
    """Five keywords that are kept, and a previewed one."""
    rows = [
        ("Owl", "watched", "done"),
        ("barn owl", "watched", "failed"),
        ("kite", "watched", "waiting"),
        ("lark", "paused", "failed"),
        ("wren", "watched", "failed"),
        ("swift", "previewed", "done"),
    ]
    for number, (word, state, status) in enumerate(rows):
        entry = KeyWordEntry.objects.create(keyword=word, state=state)
        log_of(entry, status=status, message=f"What happened to {word}.")
        KeyWordEntry.objects.filter(pk=entry.pk).update(
            last_status=status,
            rate=float(number),
            video_count=10 - number,
            next_due_at=NOON + timedelta(hours=number),
            last_found_at=NOON - timedelta(hours=number) if number % 2 else None,
        )


def shown(client: Client, query: str = "") -> list[str]:
    response = client.get(f"/keywords/{query}")
    assert response.status_code == 200
    return [unescape(text) for text in re.findall(r'id="to-keyword-\d+"[^>]*>([^<]*)</a>', response.text)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "barn owl, wren, kite, lark, Owl"),
        ("?search=OW", "barn owl, Owl"),
        ("?state=failing", "barn owl, wren"),
        ("?state=waiting", "kite"),
        ("?state=watched", "barn owl, wren, kite, Owl"),
        ("?state=paused", "lark"),
        ("?state=previewed", "swift"),
        ("?state=watched&search=w&ordering=-keyword", "wren, Owl, barn owl"),
        ("?ordering=keyword", "barn owl, kite, lark, Owl, wren"),
        ("?ordering=-video_count", "Owl, barn owl, kite, lark, wren"),
        ("?ordering=-last_found_at", "barn owl, lark, wren, kite, Owl"),
        ("?ordering=next_due_at", "Owl, barn owl, kite, wren, lark"),
        ("?ordering=-rate", "wren, lark, kite, barn owl, Owl"),
        ("?ordering=-created_at", "wren, lark, kite, barn owl, Owl"),
        ("?ordering=planned_interval", "Owl, barn owl, kite, lark, wren"),
        ("?unknown=x&page=7", "barn owl, wren, kite, lark, Owl"),
    ],
)
def test_it_works(client: Client, query: str, words: str) -> None:
    assert shown(client, query) == words.split(", ")


def test_failing_keywords_stand_first_with_the_reason(client: Client) -> None:
    page = client.get("/keywords/").content.decode()
    first = page.index('<span class="outcome failed">failed</span> What happened to barn owl.')
    assert first < page.index("What happened to kite.") < page.index("What happened to Owl.")


LINK = r'<a href="([^"]*)"( aria-current="page")?>(\w+) <span>([0-9,]+)</span></a>'


def test_each_state_has_its_number(client: Client) -> None:
    page = client.get("/keywords/?state=failing&ordering=keyword").content.decode()
    links = re.findall(LINK, page)
    assert [(label, number) for _, _, label, number in links] == [
        ("All", "5"),
        ("Failing", "2"),
        ("Waiting", "1"),
        ("Watched", "4"),
        ("Paused", "1"),
        ("Previewed", "1"),
    ]
    assert links[0][0] == "?ordering=keyword"
    assert links[2][0] == "?ordering=keyword&amp;state=waiting"
    assert [label for _, current, label, _ in links if current] == ["Failing"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("search=OW", "All 2, Failing 1, Waiting 0, Watched 2, Paused 0"),
        ("search=r&state=failing", "All 3, Failing 2, Waiting 0, Watched 2, Paused 1"),
        ("search=swift", "All 0, Failing 0, Waiting 0, Watched 0, Paused 0, Previewed 1"),
    ],
)
def test_the_numbers_are_of_what_the_search_finds(client: Client, query: str, numbers: str) -> None:
    links = re.findall(LINK, client.get(f"/keywords/?{query}").text)
    assert ", ".join(f"{label} {number}" for _, _, label, number in links) == numbers


def test_previewed_keywords_are_no_state_if_there_are_none(client: Client) -> None:
    KeyWordEntry.objects.filter(state="previewed").delete()
    assert "Previewed" not in client.get("/keywords/").content.decode()


def test_empty_fields_leave_the_address(client: Client) -> None:
    assert client.get("/keywords/?search=owl&ordering=&state=")["Location"] == "/keywords/?search=owl"


@pytest.mark.parametrize(("query", "says"), [("state=gone", "Must be one of"), ("ordering=size", "Must be one of")])
def test_a_mistake_is_explained(client: Client, query: str, says: str) -> None:
    page = client.get(f"/keywords/?{query}").content.decode()
    assert says in page
    assert "ErrorDetail" not in page
    assert 'id="keyword-' not in page
    assert "correct what is marked above" in page


def test_nothing_that_matches_says_so(client: Client) -> None:
    page = client.get("/keywords/?search=nothing").content.decode()
    assert "No keyword matches." in page
    assert "No keywords yet" not in page


def test_what_people_type_is_text(client: Client) -> None:
    assert "<script>alert" not in client.get('/keywords/?search="><script>alert(1)</script>').content.decode()


def test_pages_keep_the_filters(client: Client) -> None:
    KeyWordEntry.objects.bulk_create(
        KeyWordEntry(keyword=f"bird {n:03}", normalized=f"bird {n:03}", last_status="done") for n in range(120)
    )
    page = client.get("/keywords/?search=bird&ordering=-keyword").content.decode()
    assert 'href="?search=bird&amp;ordering=-keyword&amp;page=2"' in page
    assert 'hx-get="/keywords/?search=bird&amp;ordering=-keyword"' in page
    assert shown(client, "?search=bird&page=2")[0] == "bird 050"
    assert len(shown(client, "?page=3")) == 25
    assert shown(client, "?page=3")[-1] == "Owl", "also from the end, where it is nearer"


@pytest.mark.parametrize("number", [0, 100])
@pytest.mark.parametrize(("query", "queries"), [("", 6), ("?state=failing", 6), ("?search=owl&state=watched", 6)])
def test_queries_do_not_grow_with_the_keywords(
    client: Client, django_assert_num_queries: Callable[..., Any], number: int, query: str, queries: int
) -> None:
    for n in range(number):
        log_of(keyword_with_videos(f"owl {n}"))
    # 1 incidents, 2 numbers of the states, 3 ids, 4 keywords with their last logs; until when
    # scheduled searches wait: 5 keys, 6 used quota
    with django_assert_num_queries(queries), recorded() as statements:
        client.get(f"/keywords/{query}")
    assert_no_scan(statements)
    sorted_rows = [
        statement.sql for statement in statements if "ORDER BY" in statement.sql and "LIMIT" in statement.sql
    ]
    assert not any("message" in sql and "LIMIT 100" in sql for sql in sorted_rows), "the logs of all would be looked up"


def test_it_is_exported_as_it_is_chosen(client: Client) -> None:
    page = client.get("/keywords/?state=failing").content.decode()
    assert 'href="/keywords/export.csv?state=failing"' in page
    response = client.get("/keywords/export.csv?state=failing")
    assert response["Content-Type"].startswith("text/csv")
    assert 'attachment; filename="windhover-keywords-' in response["Content-Disposition"]
    rows = response.content.decode("utf-8-sig").splitlines()
    assert rows == ["keyword,interval,weight,state", "barn owl,,1,watched", "wren,,1,watched"]
    assert len(client.get("/keywords/export.csv").content.splitlines()) == 6


def test_only_those_who_may_write_select(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "write"
    page = client.get("/keywords/").content.decode()
    assert 'type="checkbox"' not in page
    assert 'name="action"' not in page
    assert "Export CSV" in page
    assert VideoLog.objects.exists()
