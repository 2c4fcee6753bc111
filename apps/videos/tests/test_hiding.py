"""Rules that hide videos: of a channel, with a word, too short; of one keyword or of all."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from apps.videos import conditions, hiding, marks, tasks
from apps.videos.fetching import blanking, erasing, storing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import MOST_RULES, HidingRule, KeyWordEntry, NewVideo, Video, VideoTotal
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.plans import assert_no_scan, recorded
from apps.videos.tests.problems import errors, problem

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FALCONS = "UC_falcons_and_other_00b"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hiding, "INTERVAL", 0)


@pytest.fixture
def birds() -> tuple[KeyWordEntry, KeyWordEntry]:
    """Two keywords with six videos, newest first: "falcon" has 1 to 4, "owl" 3 to 6."""
    falcon, owl = (KeyWordEntry.objects.create(keyword=word) for word in ("falcon", "owl"))
    told: list[dict[str, Any]] = [
        {"title": "A Café in Paris", "duration": 60},
        {"channel_id": FALCONS, "channel_title": "Falcons", "duration": 179},
        {"duration": 180, "description": "all about prey, birds"},
        {"channel_id": FALCONS, "live_state": "live", "duration": 0},
        {"channel_title": "Birds of prey", "duration": None},
        {"title": "Bird of preys", "channel_id": FALCONS, "duration": 10},
    ]
    videos = [found_video(f"{n}", published_at=NOON - timedelta(hours=n), **given) for n, given in enumerate(told, 1)]
    store(falcon, *videos[:4])
    store(owl, *videos[2:])
    return falcon, owl


def ids(client: Client, address: str = "/api/videos/", **parameters: Any) -> str:
    body = client.get(address, parameters).json()
    assert body["count"] == len(body["results"])
    return "".join(video["video_id"] for video in body["results"])


RULES = [
    ("channel", FALCONS, "246"),
    ("word", "cafe", "1"),
    ("word", "CAFÉ in", "1"),
    ("word", "in cafe", ""),
    ("word", "caf", ""),
    ("word", "prey", "35"),
    ("word", "birds of prey", "5"),
    ("word", "falcons", "2"),
    ("min_duration", "60", "6"),
    ("min_duration", "180", "126"),
    ("min_duration", "181", "1236"),
]


@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize(("kind", "value", "hidden"), RULES)
def test_it_works(client: Client, birds: Any, monkeypatch: Any, kind: str, value: str, hidden: str, few: int) -> None:
    falcon, owl = birds
    monkeypatch.setattr(conditions, "FEW", few)
    for keyword, own in ((None, "123456"), (falcon, "1234"), (owl, "3456")):
        selected = "".join(n for n in hidden if n in own)
        assert hiding.affected(kind, value, keyword) == (len(selected), True)
        rule, is_new = hiding.add(kind, value, keyword)
        assert is_new
        assert hiding.add(kind, value, keyword) == (rule, False)
        assert ids(client) == "123456", "not applied yet"
        tasks.apply_rules()
        rule.refresh_from_db()
        assert rule.applied_at
        for entry, found in ((falcon, "1234"), (owl, "3456")):
            address = f"/api/keyword/{entry.keyword}/videos/"
            gone = selected if keyword in (None, entry) else ""
            assert ids(client, address) == "".join(n for n in found if n not in gone)
            assert ids(client, address, hidden="true") == "".join(n for n in found if n in gone)
            assert ids(client, address, hidden="any") == found
        everywhere = "".join(n for n in selected if keyword is None or n not in "34")
        assert ids(client, hidden="true") == everywhere
        assert ids(client) == "".join(n for n in "123456" if n not in everywhere)
        both = {"keyword": ["falcon", "owl"]}
        assert ids(client, **both) == ids(client)
        assert ids(client, **both, hidden="true") == everywhere
        if few:
            assert hiding.affected(kind, value, keyword) == (0, True)
        assert verify_counts() == 0

        hiding.delete(HidingRule.objects.all())
        tasks.apply_rules()
        assert not HidingRule.objects.exists()
        assert ids(client) == "123456"
        assert not Video.objects.filter(hidden_by_rules=True).exists()
        assert verify_counts() == 0
        monkeypatch.setattr(conditions, "FEW", few)


def test_what_is_found_later_is_hidden_at_once(client: Client, birds: Any) -> None:
    falcon, _ = birds
    hiding.add("word", "prey", falcon)
    hiding.add("min_duration", "60")
    KeyWordEntry.objects.filter(pk=falcon.pk).update(notify_since=NOON - timedelta(days=1), notify="each")
    store(falcon, *(found_video(n, title=title, duration=60) for n, title in (("7", "Its prey"), ("8", "Its egg"))))
    assert set(ids(client)) == set("12345678") - {"7"}
    assert list(NewVideo.objects.values_list("video_id", flat=True)) == ["8"]
    store(KeyWordEntry.objects.create(keyword="wren"), found_video("7", duration=60), found_video("9", duration=59))
    assert set(ids(client)) == set("12345678"), "it is another keyword's as well"
    assert verify_counts() == 0


def test_what_changes_is_decided_again(client: Client, birds: Any) -> None:
    hiding.add("word", "prey")
    hiding.add("min_duration", "100")
    tasks.apply_rules()
    assert ids(client) == "24"
    storing.update([found_video("5", duration=99, channel_title="Birds", complete=True)])
    storing.update(
        [found_video("1", duration=100, complete=True), found_video("6", duration=100, title="Birds of prey")]
    )
    assert ids(client) == "124"
    storing.update([found_video("4", duration=20, live_state="completed", complete=True)])
    assert ids(client) == "12"
    Video.objects.filter(pk="2").update(live_state="live", duration=5)
    for _ in range(2):
        blanking.record_missing(["2"])
    assert ids(client) == "1"
    assert verify_counts() == 0


def test_a_video_is_hidden_when_the_last_keyword_that_shows_it_is_erased(client: Client, birds: Any) -> None:
    falcon, owl = birds
    hiding.add("word", "prey", owl)
    tasks.apply_rules()
    assert ids(client) == "12346"
    falcon.delete()
    erasing.erase(falcon)
    assert (ids(client), ids(client, hidden="true")) == ("46", "35")
    assert verify_counts() == 0


def test_what_is_hidden_by_hand_stays_hidden(client: Client, birds: Any) -> None:
    hiding.add("channel", FALCONS)
    tasks.apply_rules()
    assert marks.mark("25", hidden=True) == 2
    assert ids(client, hidden="true") == "2456"
    shown = {
        video["video_id"]: video["hidden_by"] for video in client.get("/api/videos/?hidden=true").json()["results"]
    }
    rule = HidingRule.objects.get().pk
    assert shown == {"2": None, "4": rule, "5": None, "6": rule}
    assert marks.mark("46", hidden=False) == 0, "rules hide it"
    hiding.delete(HidingRule.objects.all())
    tasks.apply_rules()
    assert ids(client, hidden="true") == "25"
    assert marks.mark("2", hidden=False) == 1
    assert ids(client, hidden="true") == "5"
    assert verify_counts() == 0


def test_a_video_that_two_rules_hide_is_shown_after_both_are_deleted(client: Client, birds: Any) -> None:
    first, _ = hiding.add("channel", FALCONS)
    second, _ = hiding.add("min_duration", "180")
    tasks.apply_rules()
    for rule, hidden in ((first, "126"), (second, "")):
        hiding.delete(HidingRule.objects.filter(pk=rule.pk))
        tasks.apply_rules()
        assert ids(client, hidden="true") == hidden
    assert verify_counts() == 0


def test_lists_say_which_rule_hides_a_match(client: Client, birds: Any) -> None:
    falcon, _ = birds
    rule, _ = hiding.add("word", "prey", falcon)
    tasks.apply_rules()

    def said(address: str) -> tuple[bool, int | None]:
        (video,) = [video for video in client.get(address).json()["results"] if video["video_id"] == "3"]
        return video["hidden"], video["hidden_by"]

    assert said("/api/keyword/falcon/videos/?hidden=any") == (True, rule.pk)
    assert said("/api/videos/?keyword=falcon&hidden=true") == (True, rule.pk)
    assert said("/api/keyword/owl/videos/?hidden=any") == (False, None)
    assert said("/api/videos/?hidden=any") == (False, None)
    export = b"".join(client.get(f"/api/keywords/{falcon.pk}/export.jsonl?hidden=true"))
    assert f'"hidden":true,"hidden_by":{rule.pk}'.encode() in export
    hiding.add("word", "prey")
    tasks.apply_rules()
    assert client.get("/api/videos/3/").json()["hidden_by"] == rule.pk


def test_lists_are_sent_again_when_rules_were_applied(client: Client, birds: Any) -> None:
    tag = client.get("/api/videos/")["ETag"]
    hiding.add("word", "prey")
    for change in (tasks.apply_rules, lambda: (hiding.delete(HidingRule.objects.all()), tasks.apply_rules())):
        change()
        answer = client.get("/api/videos/", headers={"If-None-Match": tag})
        assert answer.status_code == 200
        tag = answer["ETag"]
    tasks.apply_rules()
    assert client.get("/api/videos/", headers={"If-None-Match": tag}).status_code == 304


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> KeyWordEntry:
    entry = KeyWordEntry.objects.create(keyword="owl")
    store(entry, *(found_video(f"{n}", published_at=NOON - timedelta(hours=n // 3), duration=n % 2) for n in range(40)))
    for name, value in (("CHUNK", 4), ("_POSITIONS", 9)):
        monkeypatch.setattr(hiding, name, value)
    return entry


def test_a_run_that_is_cut_off_goes_on(many: KeyWordEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    hiding.add("min_duration", "1")
    for work, hidden in (
        (lambda: None, range(4, 41, 4)),
        (lambda: hiding.delete(HidingRule.objects.all()), range(36, -1, -4)),
    ):
        work()
        numbers = []
        for _ in range(12):
            clock: Iterator[int] = iter([0, 2])
            monkeypatch.setattr(time, "monotonic", lambda clock=clock: next(clock, 2))
            hiding.apply_pending(deadline=1)
            numbers.append(VideoTotal.read().hidden_count)
            assert verify_counts() == 0
        assert numbers[-1] == (20 if hidden[0] == 4 else 0)
        assert sorted(set(numbers), reverse=hidden[0] != 4) == [
            n for n in hidden if n <= 20 and (n < 20 or hidden[0] == 4)
        ]
    assert not HidingRule.objects.exists()


def test_a_rule_that_is_deleted_while_it_is_applied(many: KeyWordEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    hiding.add("min_duration", "1")
    settle_chunk = hiding._settle_chunk

    def settle_and_delete(video_ids: list[str]) -> bool:
        changed = settle_chunk(video_ids)
        hiding.delete(HidingRule.objects.all())
        return changed

    monkeypatch.setattr(hiding, "_settle_chunk", settle_and_delete)
    hiding.apply_pending()
    hiding.apply_pending()
    assert VideoTotal.read().hidden_count == 0
    assert not HidingRule.objects.exists()


def test_chunks_take_few_queries_and_no_scan(many: KeyWordEntry) -> None:
    hiding.add("word", "title")
    with recorded() as queries:
        hiding.apply_pending()
    assert VideoTotal.read().hidden_count == 40
    assert len(queries) < 10 * 21
    assert_no_scan(query for query in queries if query.sql.startswith("UPDATE"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("channel", "Falcons"),
        ("channel", ""),
        ("word", "..."),
        ("word", " "),
        ("word", "x" * 501),
        ("word", "a\0b"),
        ("min_duration", "0"),
        ("min_duration", "-1"),
        ("min_duration", "1.5"),
        ("min_duration", "٣"),
        ("min_duration", "9" * 12),
    ],
)
def test_a_value_that_does_not_fit_its_kind(client: Client, kind: str, value: str) -> None:
    for work in (hiding.add, hiding.affected):
        with pytest.raises(ValidationError):
            work(kind, value)
    for address in ("/api/rules/", "/api/rules/preview/"):
        answer = client.post(address, {"kind": kind, "value": value}, content_type="application/json")
        assert list(errors(answer)) == ["value"]
    assert not HidingRule.objects.exists()


def test_the_same_rule_in_another_spelling(birds: Any) -> None:
    falcon, _ = birds
    rule, _ = hiding.add("word", "Café  “noir”")
    assert hiding.add("word", "cafe noir") == (rule, False)
    assert hiding.add("word", "cafe noir", falcon)[1]
    rule, _ = hiding.add("min_duration", "180")
    assert hiding.add("min_duration", "0180") == (rule, False)


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    assert MOST_RULES == 500
    monkeypatch.setattr(hiding, "MOST_RULES", 2)
    for seconds in ("1", "2"):
        hiding.add("min_duration", seconds)
    answer = client.post("/api/rules/", {"kind": "min_duration", "value": "3"}, content_type="application/json")
    assert errors(answer) == {"value": ["There are 2 rules already. Delete some first."]}


def test_the_api(client: Client, birds: Any, sent: list[Any], django_capture_on_commit_callbacks: Any) -> None:
    falcon, _ = birds
    body = {"keyword": falcon.pk, "kind": "channel", "value": FALCONS}
    preview = client.post("/api/rules/preview/", body, content_type="application/json")
    assert preview.json() == {"videos": 2, "is_exact": True}
    with django_capture_on_commit_callbacks(execute=True):
        added = client.post("/api/rules/", body, content_type="application/json")
    rule = added.json()
    assert (added.status_code, rule["label"], rule["applied_at"]) == (201, "Falcons", None)
    assert client.post("/api/rules/", body, content_type="application/json").status_code == 200
    assert client.get("/api/rules/").json()["results"] == [rule]
    tasks.apply_rules()
    assert client.get(f"/api/rules/{rule['id']}/").json()["applied_at"]
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"/api/rules/{rule['id']}/").status_code == 204
    assert client.get("/api/rules/").json()["results"] == []
    assert problem(client.delete(f"/api/rules/{rule['id']}/"), 404)["detail"] == "No rule has this id."
    assert sent.count(("apply_rules", (), {})) == 2
    for keyword in (0, falcon.pk + 99, "1", True):
        answer = client.post("/api/rules/", body | {"keyword": keyword}, content_type="application/json")
        assert list(errors(answer)) == ["keyword"]
    assert list(errors(client.post("/api/rules/", body | {"kinds": 1}, content_type="application/json"))) == ["kinds"]


def test_the_rules_of_a_keyword_go_with_it(birds: Any) -> None:
    falcon, _ = birds
    hiding.add("word", "prey", falcon)
    tasks.apply_rules()
    falcon.delete()
    erasing.erase(falcon)
    assert not HidingRule.objects.exists()
    assert verify_counts() == 0


def test_the_admin_reads_and_deletes_them(admin_client: Client, birds: Any) -> None:
    rule, _ = hiding.add("min_duration", "180")
    tasks.apply_rules()
    assert "shorter than 180 s" in admin_client.get("/admin/videos/hidingrule/").content.decode()
    assert admin_client.get(f"/admin/videos/hidingrule/{rule.pk}/change/").status_code == 200
    assert admin_client.get("/admin/videos/hidingrule/add/").status_code == 403
    admin_client.post(f"/admin/videos/hidingrule/{rule.pk}/delete/", {"post": "yes"})
    tasks.apply_rules()
    assert VideoTotal.read().hidden_count == 0
