"""All videos of a list as CSV, JSON Lines, and a text that describes them."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.videos import exports
from apps.videos.models import KeyWordEntry, Match, SearchGap, Video, VideoFetchMethod
from apps.videos.serializers import VideoSerializer
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.problems import errors, problem

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CSV, LINES, TEXT = (f"/api/videos/export.{kind}" for kind in ("csv", "jsonl", "txt"))


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "POSITIONS", 7)
    monkeypatch.setattr(exports, "ROWS", 3)


@pytest.fixture(autouse=True)
def falcon() -> KeyWordEntry:
    """A keyword with 30 videos, three of each date."""
    entry = KeyWordEntry.objects.create(keyword="falcon")
    store(entry, *(found_video(f"v{n:02}", published_at=NOON - timedelta(minutes=n // 3)) for n in range(30)))
    return entry


def content(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return (answer.getvalue() if answer.streaming else answer.content).decode()


def rows(client: Client, address: str = CSV) -> list[dict[str, str]]:
    text = content(client, address)
    assert text[0] == "\ufeff"
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), strict=True))


def lines(client: Client, address: str = LINES) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(client, address).splitlines()]


def listed(client: Client, address: str) -> list[dict[str, Any]]:
    return list(client.get(address).json()["results"])


@pytest.mark.parametrize("of_keyword", [False, True])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "search=v1*",
        "ordering=published_at",
        "ordering=-created_at",
        "published_before=2026-11-20T11:55:00Z",
        "search=title&method=youtube&channel=a+channel",
        "exact=false",
    ],
)
def test_it_has_what_the_list_has(client: Client, falcon: KeyWordEntry, query: str, of_keyword: bool) -> None:
    store(KeyWordEntry.objects.create(keyword="other"), found_video("of-another"))
    address = f"/api/keywords/{falcon.pk}/" if of_keyword else "/api/videos/"
    keyword = "keyword=falcon&" if of_keyword else ""
    expected = listed(client, f"/api/videos/?{keyword}{query}&page_size=100")

    assert lines(client, f"{address}export.jsonl?{query}") == expected
    found = rows(client, f"{address}export.csv?{query}")
    assert [row["video_id"] for row in found] == [video["video_id"] for video in expected]


def test_csv_has_the_names_and_values_of_the_api(client: Client, falcon: KeyWordEntry) -> None:
    text = 'A "quoted", text;\r\nwith 日本語 🦅\n and \x01'
    store(
        falcon,
        found_video("v00", title=text, description=text, duration=61, view_count=0, complete=True, tags=(text, "b")),
    )
    (found,) = rows(client, f"{CSV}?search=quoted")
    (video,) = listed(client, "/api/videos/?search=quoted")
    assert list(found) == VideoSerializer.Meta.fields
    shown = {None: "", True: "true", False: "false"}
    assert json.loads(found.pop("tags")) == video.pop("tags") == [text, "b"]
    for name, value in video.items():
        assert found[name] == (shown[value] if value is None or isinstance(value, bool) else str(value)), name
    assert content(client, f"{CSV}?search=nothing").splitlines() == ["\ufeff" + ",".join(VideoSerializer.Meta.fields)]


@pytest.mark.parametrize("start", [*"=+-@\t\r\n＝＋－＠'"])
def test_no_cell_is_a_formula(client: Client, falcon: KeyWordEntry, start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    Video.objects.filter(pk="v00").update(
        title=text, description=text, channel_title=text, channel_id=text, thumbnail=text
    )
    found = rows(client)[2]
    for name in ("title", "description", "channel_title", "channel_id", "thumbnail"):
        assert found[name] == f"'{text}"
    assert lines(client)[2]["title"] == text, "JSON has the original"


def test_an_id_and_a_keyword_that_look_like_formulas(client: Client) -> None:
    store(KeyWordEntry.objects.create(keyword="-x"), found_video("-abc"))
    (found,) = rows(client, f"{CSV}?keyword=-x")
    assert (found["video_id"], found["keyword_text"]) == ("'-abc", "'-x")
    assert found["watch_url"] == "https://www.youtube.com/watch?v=-abc"


@pytest.mark.parametrize("of_keyword", [False, True])
def test_videos_that_arrive_or_are_removed_meanwhile_do_not_affect_the_others(
    client: Client, falcon: KeyWordEntry, of_keyword: bool
) -> None:
    there = [video["video_id"] for video in lines(client)]
    answer = client.get(f"/api/keywords/{falcon.pk}/export.jsonl" if of_keyword else LINES)
    seen = []
    for number, chunk in enumerate(answer):
        seen += [json.loads(line)["video_id"] for line in chunk.splitlines()]
        dates = [NOON + timedelta(1), NOON - timedelta(1), NOON - timedelta(minutes=len(seen) // 3)]
        store(falcon, *(found_video(f"n{number}-{n}", published_at=date) for n, date in enumerate(dates)))
        if number == 0:
            Match.objects.filter(video=there[20]).delete()
            Video.objects.filter(pk=there[20]).delete()
        if number > 30:
            break
    old = [video_id for video_id in seen if video_id in there]
    assert old == [video_id for video_id in there if video_id != there[20]]
    assert len(seen) == len(set(seen))


def test_each_query_is_short_and_none_skips_rows(client: Client) -> None:
    answer = client.get(CSV)
    with CaptureQueriesContext(connection) as queries:
        answer.getvalue()
    # 1-6 positions, 7 at a time, until there are none; 7-19 their videos, 3 + 3 + 1 at a time
    assert len(queries) == 19
    assert all("LIMIT 7" in query["sql"] or " IN (" in query["sql"] for query in queries)
    assert not any("OFFSET" in query["sql"] for query in queries)


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        ("AC/DC", "windhover-acdc-"),
        ("日本語", "windhover-%E6%97%A5"),
        ("../..", "windhover-videos-"),
        ("x" * 500, "x" * 50 + "-"),
    ],
)
def test_the_file_has_a_safe_name(client: Client, keyword: str, name: str) -> None:
    entry = KeyWordEntry.objects.create(keyword=keyword)
    disposition = client.get(f"/api/keywords/{entry.pk}/export.txt")["Content-Disposition"]
    assert disposition.startswith("attachment; filename")
    assert name in disposition
    assert "/" not in disposition
    assert "\\" not in disposition


@pytest.mark.parametrize("address", [CSV, LINES, TEXT])
def test_head_has_the_same_headers(client: Client, address: str) -> None:
    head, got = client.head(address), client.get(address)
    assert head.status_code == 200
    assert b"".join(head) == b""
    assert head.get("X-Total-Count") == got.get("X-Total-Count") == (None if address == TEXT else "30")
    assert head["Content-Type"] == got["Content-Type"]
    b"".join(got)


@pytest.mark.parametrize(
    ("query", "name"), [("ordering=view_count", "ordering"), ("page=1", "page"), ("format=json", "format")]
)
def test_other_parameters_are_refused(client: Client, query: str, name: str) -> None:
    assert list(errors(client.get(f"{CSV}?{query}"))) == [name]


def test_other_types_and_keywords_are_not_found(client: Client) -> None:
    for address in ("/api/videos/export.xml", "/api/keywords/99/export.csv", "/api/videos/?keyword=none"):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("of", ["videos", "keywords/{}"])
def test_addresses_of_other_types_say_which_there_are(client: Client, falcon: KeyWordEntry, of: str) -> None:
    address = f"/api/{of.format(falcon.pk)}/"
    for ending in (
        "export.xml",
        "export.CSV",
        "export.csv.gz",
        "export.csv/",
        "export.",
        "export",
        "export/",
        "export/csv/",
    ):
        found = problem(client.get(address + ending), 404)
        assert found["detail"] == (
            "There is no export of this type. There are: export.csv, export.jsonl, export.txt."
        ), ending
    for ending in ("feed.xml", "feed/atom"):
        assert problem(client.get(address + ending), 404)["detail"].startswith("There is no feed of this type. ")


def test_only_so_many_at_once(client: Client) -> None:
    running = [client.get(CSV) for _ in range(exports.AT_ONCE)]
    busy = client.get(LINES)
    assert (busy.status_code, busy["Retry-After"]) == (503, "60")
    assert client.head(LINES).status_code == client.get(TEXT).status_code == 200, "these hold no thread"
    for answer in running:
        answer.getvalue()
        assert client.get(LINES).getvalue()


def test_a_client_that_is_gone_counts_no_longer() -> None:
    for _ in range(3):
        slots = [exports.Slot(iter([b"1", b"2"])) for _ in range(exports.AT_ONCE)]
        with pytest.raises(exports.Busy):
            exports.Slot(iter([]))
        next(iter(slots[0]))
        for slot in slots:
            slot.close()


def test_the_text_says_how_the_videos_were_found(client: Client, falcon: KeyWordEntry, settings: Any) -> None:
    store(falcon, found_video("new", published_exact=False), method=VideoFetchMethod.INVIDIOUS)
    SearchGap.objects.create(keyword=falcon, after=NOON - timedelta(hours=2), before=NOON - timedelta(hours=1))
    for hours, status, error, method in [
        (9, "done", "", "youtube"),
        (8, "done", "", "youtube"),
        (7, "failed", "unavailable", ""),
        (6, "done", "", "invidious"),
    ]:
        falcon.logs.create(
            keyword_text="falcon",
            status=status,
            error_code=error,
            method=method,
            searches=int(method == "youtube"),
            created_at=NOON - timedelta(hours=hours),
        )
    KeyWordEntry.objects.create(keyword="other")

    text = content(client, f"/api/keywords/{falcon.pk}/export.txt?channel=A+channel")
    for line in [
        f"Windhover {settings.VERSION} watches YouTube",
        "Videos: 31",
        "With an estimated date of publication: 1",
        "* channel: A channel",
        f"* http://testserver/api/keywords/{falcon.pk}/export.csv?channel=A+channel&found_before=",
        "Keyword: falcon",
        "* Fetches in the log: 4, from 2026-11-20 03:00:00 to 2026-11-20 06:00:00 UTC",
        "- done: 3",
        "- failed: 1",
        "* Searches used: 2",
        "* Fetches from youtube: 2",
        "* Fetches from invidious: 1",
        "* Fetches with the error unavailable: 1",
        "* Publication dates not searched completely: 2026-11-20 10:00:00 to 2026-11-20 11:00:00 UTC",
        "Fetches more than 90 days ago",
    ]:
        assert line in text
    assert "Keyword: other" not in text
    assert "Keyword: other" in content(client, TEXT)
    address = next(line for line in text.splitlines() if "export.jsonl" in line).removeprefix("* http://testserver")
    assert len(lines(client, address)) == 31


def test_where_reading_needs_an_account(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "all"
    assert client.get(CSV).status_code == 401
