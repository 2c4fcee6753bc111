"""Marks: a video is seen, starred, hidden; lists leave hidden ones out. What they are for all is one and the same."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.videos import conditions, marks, pagination, statistics
from apps.videos.fetching import erasing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import KeyWordEntry, Match, NewVideo, Video, VideoTotal
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.plans import recorded
from apps.videos.tests.problems import errors, problem
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def birds() -> tuple[KeyWordEntry, KeyWordEntry]:
    """Two keywords with six videos, newest first: "falcon" has 1 to 4, "owl" 3 to 6; 1 and 4 are seen, 2 and 4 are
    starred, 3, 4 and 5 are hidden."""
    falcon, owl = (KeyWordEntry.objects.create(keyword=word) for word in ("falcon", "owl"))
    videos = [
        found_video(f"{n}", published_at=NOON - timedelta(hours=n), duration=n, view_count=n) for n in range(1, 7)
    ]
    store(falcon, *videos[:4])
    store(owl, *videos[2:])
    marks.mark("14", seen=True)
    marks.mark("24", starred=True)
    marks.mark("345", hidden=True)
    return falcon, owl


def ids(client: Client, address: str, **parameters: Any) -> str:
    body = client.get(address, parameters).json()
    assert body["count"] == len(body["results"])
    return "".join(video["video_id"] for video in body["results"])


EACH = [
    ({}, "126"),
    ({"hidden": "false"}, "126"),
    ({"hidden": "true"}, "345"),
    ({"hidden": "any"}, "123456"),
    ({"seen": "true"}, "1"),
    ({"seen": "false"}, "26"),
    ({"starred": "true"}, "2"),
    ({"starred": "false"}, "16"),
    ({"seen": "false", "starred": "true"}, "2"),
    ({"seen": "false", "hidden": "true"}, "35"),
    ({"seen": "false", "hidden": "any"}, "2356"),
    ({"seen": "true", "hidden": "any"}, "14"),
    ({"starred": "true", "hidden": "true"}, "4"),
    ({"starred": "true", "hidden": "any", "method": "youtube"}, "24"),
    ({"min_duration": 3}, "6"),
    ({"search": "title"}, "126"),
    ({"search": "title", "hidden": "true"}, "345"),
    ({"search": "title", "hidden": "any"}, "123456"),
    ({"search": "title", "seen": "false"}, "26"),
]


@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize(("parameters", "expected"), EACH)
def test_it_works(
    client: Client, birds: Any, monkeypatch: Any, parameters: dict[str, Any], expected: str, few: int
) -> None:
    monkeypatch.setattr(conditions, "FEW", few)
    falcon, _ = birds
    for wanted, address, own in (
        ({}, "/api/videos/", "123456"),
        ({"keyword": "falcon"}, "/api/videos/", "1234"),
        ({}, "/api/keyword/owl/videos/", "3456"),
        ({"keyword": ["owl", "falcon"], "keyword_id": falcon.pk}, "/api/videos/", "123456"),
    ):
        left = "".join(n for n in expected if n in own)
        assert ids(client, address, **wanted, **parameters) == left
        assert ids(client, address, **wanted, **parameters, ordering="-view_count") == left[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 10_000])
def test_a_search_is_counted_without_hidden_videos(client: Client, birds: Any, monkeypatch: Any, limit: int) -> None:
    monkeypatch.setattr(pagination, "COUNTED_UP_TO", limit)
    for hidden, number in (("false", 3), ("true", 3), ("any", 6)):
        body = client.get("/api/videos/", {"search": "title", "hidden": hidden}).json()
        assert body["count"] == min(number, limit), hidden
        assert body.get("count_is_exact", True) == (number < limit)
        assert len(body["results"]) == number


def test_pages_and_cursors_leave_them_out(client: Client, birds: Any) -> None:
    for address in (
        "/api/videos/?page_size=1",
        "/api/videos/?page_size=1&cursor=",
        "/api/videos/?page_size=1&keyword=falcon",
    ):
        seen, link = "", address
        while link:
            body = client.get(link.removeprefix("http://testserver")).json()
            seen += "".join(video["video_id"] for video in body["results"])
            link = body["next"]
        assert seen == ("12" if "falcon" in address else "126"), address


def test_no_list_is_counted(client: Client, birds: Any) -> None:
    for address, count in (
        ("/api/videos/", 3),
        ("/api/videos/?hidden=true", 3),
        ("/api/videos/?hidden=any", 6),
        ("/api/keyword/falcon/videos/", 2),
        ("/api/keyword/falcon/videos/?hidden=true", 2),
        ("/api/keyword/owl/videos/?hidden=any", 4),
    ):
        with recorded() as queries:
            assert client.get(address).json()["count"] == count
        assert not any("COUNT" in query.sql for query in queries), address


def test_feeds_exports_and_previews_leave_them_out(client: Client, birds: Any) -> None:
    falcon, _ = birds
    for address, own in ((f"/api/keywords/{falcon.pk}", "12"), ("/api/videos", "126")):
        feed = client.get(f"{address}/feed/").content.decode()
        assert [n for n in "123456" if f"yt:video:{n}<" in feed] == list(own)
        export = client.get(f"{address}/export.jsonl")
        assert len(b"".join(export).splitlines()) == len(own)
        assert export["X-Total-Count"] == str(len(own))
        described = client.get(f"{address}/export.txt").content.decode()
        assert f"Videos: {len(own)}\n" in described
        assert "hidden=any has them too" in described
    everything = client.get("/api/videos/export.csv?hidden=any")
    assert b"".join(everything).count(b"\r\n") == 1 + 6
    assert "hidden=any has" not in client.get("/api/videos/export.txt?hidden=any").content.decode()
    preview = client.post("/api/keywords/preview/", {"keyword": "falcon"}, content_type="application/json").json()
    assert [video["video_id"] for video in preview["videos"]] == ["1", "2"]


def test_statistics_of_what_was_found_last(birds: Any) -> None:
    falcon, _ = birds
    assert (statistics.of_all().newest.videos, statistics.of_all().video_count) == (3, 6)
    assert (statistics.of_keyword(falcon).newest.videos, statistics.of_keyword(falcon).video_count) == (2, 4)


def test_the_pages_of_people_leave_them_out(client: Client, birds: Any) -> None:
    falcon, _ = birds
    for address, own in ((f"/keywords/{falcon.pk}/", "12"), ("/", "126")):
        page = client.get(address).text
        assert (sorted(videos_on(page)), f'<span class="number">{len(own)} videos</span>' in page) == (list(own), True)


def test_the_address_of_a_video_shows_its_marks(client: Client, birds: Any) -> None:
    for n, shown in (("1", (True, False, False)), ("4", (True, True, True)), ("6", (False, False, False))):
        for video in (client.get(f"/api/videos/{n}/").json(), *client.get("/api/videos/?hidden=any").json()["results"]):
            if video["video_id"] == n:
                assert (video["seen"], video["starred"], video["hidden"]) == shown


def test_a_mark_keeps_its_time_and_leaves_the_others(birds: Any) -> None:
    before = Video.objects.get(pk="1")
    with time_machine.travel(NOON + timedelta(days=9), tick=False):
        assert marks.mark("126", seen=True) == 2
        assert marks.mark("126", seen=True) == 0
        assert marks.mark(Video.objects.filter(pk="2"), seen=False, starred=False, hidden=True) == 1
        assert marks.mark(["unknown"], seen=True) == 0
        assert marks.mark("126") == 0
    after = Video.objects.get(pk="1")
    assert (after.seen_at, after.updated_at) == (before.seen_at, before.updated_at)
    assert Video.objects.get(pk="6").seen_at == NOON + timedelta(days=9)
    two = Video.objects.get(pk="2")
    assert (two.seen_at, two.starred_at, two.hidden_at) == (None, None, NOON + timedelta(days=9))


CHANGES: dict[str, Callable[[], int]] = {
    "seen": lambda: marks.mark("2", seen=True),
    "starred": lambda: marks.mark("2", starred=False),
    "hidden": lambda: marks.mark("2", hidden=True),
    "all seen": lambda: marks.mark(Video.objects.all(), seen=True),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("address", ["/api/videos/", "/api/keyword/falcon/videos/", "/api/videos/2/"])
def test_lists_are_sent_again_after_a_mark(client: Client, birds: Any, address: str, change: str) -> None:
    tag = client.get(address)["ETag"]
    assert CHANGES[change]()
    changed = client.get(address, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    CHANGES[change]()
    assert client.get(address, headers={"If-None-Match": changed["ETag"]}).status_code == 304, "nothing new"


def test_a_hidden_video_that_another_keyword_finds_stays_hidden(birds: Any) -> None:
    wren = KeyWordEntry.objects.create(keyword="wren", notify="each")
    KeyWordEntry.objects.filter(pk=wren.pk).update(notify_since=NOON - timedelta(days=9))
    store(wren, *(found_video(f"{n}", published_at=NOON - timedelta(hours=n)) for n in range(1, 8)))
    assert (wren.video_count, wren.hidden_count) == (7, 3)
    assert set(wren.matches.filter(hidden=True).values_list("video", flat=True)) == set("345")
    assert set(NewVideo.objects.values_list("video_id", flat=True)) == set("1267"), "a hidden video is not notified"
    store(wren, found_video("3", published_at=NOON, title="Changed"))
    assert (wren.video_count, wren.hidden_count) == (7, 3)
    assert Video.objects.get(pk="3").is_hidden


def test_counts_after_a_keyword_is_erased(birds: Any) -> None:
    falcon, owl = birds
    assert VideoTotal.read().hidden_count == 3
    owl.delete()
    erasing.erase(owl)
    falcon.refresh_from_db()
    assert (VideoTotal.current(), VideoTotal.read().hidden_count, falcon.hidden_count) == (4, 2, 2)
    assert verify_counts() == 0


def test_a_wrong_number_of_hidden_videos_is_corrected(birds: Any, caplog: pytest.LogCaptureFixture) -> None:
    falcon, owl = birds
    KeyWordEntry.objects.update(hidden_count=4)
    VideoTotal.objects.update(hidden_count=1)
    assert verify_counts() == 3
    for entry, number in ((falcon, 2), (owl, 3)):
        entry.refresh_from_db()
        assert (entry.hidden_count, entry.video_count) == (number, 4)
        message = f"keyword {entry.pk}: the stored number of hidden videos was 4, corrected to {number}"
        assert message in caplog.messages
    assert "the stored number of hidden videos was 1, corrected to 3" in caplog.messages
    assert VideoTotal.read().hidden_count == 3
    assert verify_counts() == 0


def patch(client: Client, address: str, body: Any, **given: Any) -> Any:
    return client.patch(address, body, content_type="application/json", **given)


def post(client: Client, body: Any, **given: Any) -> Any:
    return client.post("/api/videos/marks/", body, content_type="application/json", **given)


def test_one_video_is_marked(client: Client, birds: Any) -> None:
    answer = patch(client, "/api/videos/3/", {"hidden": False, "starred": True})
    assert (answer.status_code, answer.json()) == (200, client.get("/api/videos/3/").json())
    assert (answer.json()["hidden"], answer.json()["starred"], answer.json()["seen"]) == (False, True, False)
    assert problem(patch(client, "/api/videos/none/", {"seen": True}), 404)["detail"] == "No video has this id."
    assert Video.objects.filter(hidden_at=None).count() == 4


def test_many_videos_are_marked(client: Client, birds: Any) -> None:
    answer = post(client, {"video_ids": [*"12345", "none"], "seen": True, "hidden": False})
    assert (answer.status_code, answer.json()) == (200, {"changed": 4})
    assert ids(client, "/api/videos/", seen="true") == "12345"
    assert post(client, {"video_ids": [], "seen": True}).json() == {"changed": 0}
    assert post(client, {"video_ids": ["x"] * 1000, "seen": True}).json() == {"changed": 0}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"seen": "yes"}, "seen"),
        ({"seen": 1}, "seen"),
        ({"hidden": None}, "hidden"),
        ({"sen": True}, "sen"),
        ([], "body"),
    ],
)
def test_what_is_no_mark_is_named(client: Client, birds: Any, body: Any, named: str) -> None:
    assert list(errors(patch(client, "/api/videos/3/", body))) == [named]
    if isinstance(body, dict):
        assert list(errors(post(client, {"video_ids": ["3"], **body}))) == [named]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"seen": True}, "required"),
        ({"video_ids": None, "seen": True}, "null"),
        ({"video_ids": "3", "seen": True}, "invalid"),
        ({"video_ids": [3], "seen": True}, "invalid"),
        ({"video_ids": ["x" * 17], "seen": True}, "invalid"),
        ({"video_ids": ["a\0b"], "seen": True}, "invalid"),
        ({"video_ids": ["x"] * 1001, "seen": True}, "max_length"),
    ],
)
def test_what_is_no_list_of_ids_is_refused(client: Client, birds: Any, body: Any, code: str) -> None:
    (error,) = problem(post(client, body), 400)["errors"]["video_ids"]
    assert error["code"] == code


def test_who_may_not_write_marks_nothing(client: Client, birds: Any, settings: Any) -> None:
    assert (
        patch(client, "/api/videos/2/", {"seen": True}, headers={"Origin": "https://evil.example"}).status_code == 403
    )
    settings.SIGN_IN = "write"
    assert patch(client, "/api/videos/2/", {"seen": True}).status_code == 401
    assert post(client, {"video_ids": ["2"], "seen": True}).status_code == 401
    assert not Video.objects.get(pk="2").is_seen


def test_matches_say_what_their_videos_say(birds: Any) -> None:
    marks.mark("35", hidden=False)
    marks.mark("6", hidden=True)
    hidden = Match.objects.filter(hidden=True).values_list("keyword__keyword", "video")
    assert sorted(hidden) == [("falcon", "4"), ("owl", "4"), ("owl", "6")]
    assert sorted(KeyWordEntry.objects.values_list("keyword", "hidden_count")) == [("falcon", 1), ("owl", 2)]
    assert VideoTotal.read().hidden_count == 2


def test_marks_cost_few_queries_however_many_videos(django_assert_max_num_queries: Any) -> None:
    entries = [KeyWordEntry.objects.create(keyword=f"bird {n}") for n in range(20)]
    for entry in entries:
        store(entry, *(found_video(f"{n}") for n in range(100)))
    with django_assert_max_num_queries(16):
        assert marks.mark((f"{n}" for n in range(100)), seen=True, starred=True, hidden=True) == 100
    assert set(KeyWordEntry.objects.values_list("hidden_count", flat=True)) == {100}
