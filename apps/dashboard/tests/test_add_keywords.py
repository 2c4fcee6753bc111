"""/keywords/add/: many keywords at once, after a look at what adding them would do."""

import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.videos.models import KeyWordEntry
from simulator import Simulator

pytestmark = pytest.mark.django_db

LINES = "kestrel\r\nOWL\r\n\r\n\u200b\r\nKestrel\r\nred kite"


def post(client: Client, text: str = "", *, add: bool = False, **given: Any) -> str:
    asked = {"keywords": text} | ({"add": "1"} if add else {}) | given
    return str(client.post("/keywords/add/", asked, follow=True).content.decode())


def box(page: str) -> str:
    return unescape(re.findall("<textarea[^>]*>\r?\n(.*?)</textarea>", page, re.DOTALL)[0])


def summary(page: str) -> str:
    heading = re.findall('<h2 id="added">(.*?)</h2>', page, re.DOTALL)[0]
    return " ".join(heading.split())


def words() -> list[str]:
    return list(KeyWordEntry.objects.values_list("keyword", flat=True))


@pytest.fixture(autouse=True)
def owl() -> KeyWordEntry:
    return KeyWordEntry.objects.create(keyword="owl")


def test_it_works(client: Client) -> None:
    assert 'href="/keywords/add/"' in client.get("/keywords/").content.decode()
    page = post(client, LINES)
    assert summary(page) == "2 new, 1 known, 1 repeated, 1 refused"
    assert "Add 2 keywords" in page
    assert box(page).splitlines() == LINES.splitlines()
    assert words() == ["owl"]

    page = post(client, LINES, add=True)
    assert summary(page) == "Added 2 keywords, 1 known, 1 repeated, 1 refused"
    assert words() == ["kestrel", "owl", "red kite"]


def test_refused_lines_stay_in_the_box_with_the_reason(client: Client) -> None:
    page = post(client, f"kestrel\n{'x' * 501}\n\u200b", add=True)
    assert box(page).splitlines() == ["x" * 501, "\u200b"]
    listed = " ".join(re.sub("<[^>]*>", "", page).split())
    assert f"Line 2, “{'x' * 59}…”: A keyword can have at most 500 characters." in listed
    assert "Line 3, “\u200b”: A keyword needs at least one visible character." in listed


def test_if_nothing_is_refused_the_list_follows(client: Client) -> None:
    response = client.post("/keywords/add/", {"keywords": LINES.replace("\u200b", ""), "add": "1"}, follow=True)
    assert response.redirect_chain == [("/keywords/", 302)]
    assert "Added 2 keywords. 1 is known already. 1 line repeats another." in response.content.decode()


def test_it_says_first_what_it_costs_the_others(client: Client, youtube: Simulator) -> None:
    for number in range(40):
        KeyWordEntry.objects.create(keyword=f"bird {number}")
    page = post(client, "\n".join(f"new {n}" for n in range(60)))
    assert re.search("Adding 60 keywords slows the others: about every [0-9a-z ]+ instead of [0-9a-z ]+\\.", page)
    # A paused keyword costs nothing.
    assert "slows the others" not in post(client, "keyword,state\nnew,paused")
    assert "slows the others" not in post(client, "owl")


def test_an_interval_is_that_of_all(client: Client) -> None:
    post(client, "kestrel\nwren", interval="1 h", add=True)
    assert set(KeyWordEntry.objects.exclude(keyword="owl").values_list("interval", flat=True)) == {3600}
    page = post(client, "lark", interval="now and then", add=True)
    assert "Enter a duration such as 30 min" in page
    assert box(page) == "lark"
    assert "lark" not in words()


def test_an_export_is_imported_by_file_and_by_paste(client: Client) -> None:
    for number, word in enumerate(["=1+1", "AC/DC", "日本語", "'quoted"], start=1):
        KeyWordEntry.objects.create(keyword=word, interval=60 * number, weight=number, state="paused")
    names = ("keyword", "interval", "weight", "state")
    before = list(KeyWordEntry.objects.values_list(*names))
    exported = client.get("/keywords/export.csv").content
    for given in ({"file": SimpleUploadedFile("list.csv", exported)}, {"keywords": exported.decode()}):
        KeyWordEntry.objects.all().delete()
        page = post(client, **given)
        assert summary(page) == "5 new, 0 known, 0 refused"
        post(client, box(page), add=True)
        assert list(KeyWordEntry.objects.values_list(*names)) == before


def test_a_file_of_a_spreadsheet_is_read(client: Client) -> None:
    data = "keyword;weight\nBlåmes;4".encode("utf-16")
    page = post(client, file=SimpleUploadedFile("list.csv", data))
    assert box(page).splitlines() == ["keyword;weight", "Blåmes;4"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Enter at least one keyword, or choose a file."),
        ({"keywords": " \n\n"}, "Enter at least one keyword, or choose a file."),
        ({"keywords": "\n".join(map(str, range(1001)))}, "At most 1,000 keywords at once; these are 1,001."),
        ({"file": b"Bl\xe5mes"}, "This file is not text in UTF-8."),
        ({"keywords": "owl", "file": b"kestrel"}, "Choose a file or type keywords, not both"),
        ({"file": b""}, "empty"),
        (
            {"keywords": 'keyword,weight\n"owl,1\n' + "x,1\n" * 40_000},
            "Perhaps the quotation mark at its end is missing.",
        ),
    ],
)
def test_a_mistake_is_explained_and_nothing_lost(client: Client, given: dict[str, Any], says: str) -> None:
    if "file" in given:
        given = given | {"file": SimpleUploadedFile("list.csv", given["file"])}
    page = post(client, add=True, **given)
    assert says in page
    assert box(page) == given.get("keywords", "")
    assert words() == ["owl"]


def test_a_thousand_lines_cost_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    text = "\n".join(f"bird {n}" for n in range(1000))
    with django_assert_max_num_queries(9):  # with incidents, keys, quota, gaps, pages and rates for the cost
        post(client, text)
    with django_assert_max_num_queries(60):
        client.post("/keywords/add/", {"keywords": text, "add": "1"})
    assert len(words()) == 1001


def test_what_people_type_is_text(client: Client) -> None:
    page = post(client, "</textarea><script>alert(1)</script>\n</li><b>x")
    assert "<script>alert" not in page
    assert "<b>x" not in page


def test_it_needs_permission(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "write"
    assert "/sign-in/" in client.get("/keywords/add/")["Location"]
    assert "/sign-in/" in client.post("/keywords/add/", {"keywords": "x", "add": "1"})["Location"]
    assert Client(enforce_csrf_checks=True).post("/keywords/add/", {"keywords": "x"}).status_code == 403
    assert "keywords/add" not in client.get("/keywords/").content.decode()
