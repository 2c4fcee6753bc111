"""POST /api/keywords/preview/ searches once for a keyword, without watching it."""

from typing import Any

import pytest
from celery import Task
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from apps.conftest import MovableTime
from apps.quota.models import QuotaSpend
from apps.videos import tasks
from apps.videos.models import KeyWordEntry, Match, Video, VideoLog, VideoTotal
from apps.videos.scheduling import beat
from simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are worked on at once."""

    def work(self: Task, args: Any = (), kwargs: Any = None, **options: Any) -> None:
        self.run(*args, **(kwargs or {}))

    monkeypatch.setattr(Task, "apply_async", work)


def preview(client: Client, keyword: object, status: int = 200) -> dict[str, Any]:
    answer = client.post("/api/keywords/preview/", {"keyword": keyword}, content_type="application/json")
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def searches() -> int:
    return sum(QuotaSpend.objects.filter(bucket="search").values_list("used", flat=True))


def test_it_works(client: Client, youtube: Simulator) -> None:
    body = preview(client, " Kestrels ")
    assert (body["keyword"], body["state"], body["log"]["status"]) == ("Kestrels", "previewed", "done")
    assert body["log"]["trigger"] == "preview"
    assert [video["video_id"] for video in body["videos"]] == list(
        Video.objects.newest_first().values_list("pk", flat=True)[:10]
    )
    assert 20 < body["videos_per_day"] < 100, "the simulator publishes 48"
    assert body["cost"] == {
        "interval": body["cost"]["others_after"],
        "others_before": None,
        "others_after": body["cost"]["others_after"],
        "below_daily_minimum": False,
    }
    assert searches() == 1
    assert not PeriodicTask.objects.filter(task=beat.TASK).exists()
    assert client.get("/api/keywords/").json()["count"] == 0
    assert client.get("/api/keyword/kestrels/videos/").json()["count"] == Match.objects.count()


def test_the_same_again_is_not_searched(client: Client, youtube: Simulator, frozen_time: MovableTime) -> None:
    first = preview(client, "kestrels")
    frozen_time.move(minutes=59)
    assert preview(client, "KESTRELS")["log"]["id"] == first["log"]["id"]
    frozen_time.move(minutes=2)
    assert preview(client, "kestrels")["log"]["id"] != first["log"]["id"]
    assert searches() == 2


def test_a_watched_keyword_is_not_searched(client: Client, youtube: Simulator) -> None:
    KeyWordEntry.objects.create(keyword="kestrels")
    body = preview(client, "Kestrels")
    assert (body["state"], body["cost"], len(body["videos"])) == ("watched", None, 10)
    assert searches() == 1, "its first fetch"


def test_a_previewed_keyword_that_is_added_goes_on_where_it_was_searched(client: Client, youtube: Simulator) -> None:
    preview(client, "kestrels")
    answer = client.post("/api/keywords/", {"keyword": "kestrels", "interval": 3600}, content_type="application/json")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["state"], body["interval"], body["video_count"]) == ("watched", 3600, Match.objects.count())
    assert searches() == 1
    assert PeriodicTask.objects.filter(task=beat.TASK).count() == 1


def test_it_is_forgotten_after_a_day(client: Client, youtube: Simulator, frozen_time: MovableTime) -> None:
    preview(client, "kestrels")
    frozen_time.move(hours=23)
    preview(client, "kestrels")
    frozen_time.move(hours=23)
    tasks.erase_deleted()
    assert Video.objects.exists()
    frozen_time.move(hours=2)
    tasks.erase_deleted()
    assert not KeyWordEntry.including_deleted.exists()
    assert not Video.objects.exists()


def test_one_that_is_added_at_that_moment_is_kept(
    frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch, sent: list[tuple]
) -> None:
    entry = KeyWordEntry.objects.create(keyword="kestrels", state="previewed")
    frozen_time.move(hours=25)

    lock = VideoTotal.lock

    def lock_after_another() -> VideoTotal:
        monkeypatch.setattr(VideoTotal, "lock", lock)
        KeyWordEntry.objects.watch("kestrels")
        return lock()

    monkeypatch.setattr(VideoTotal, "lock", lock_after_another)
    tasks.erase_deleted()
    assert KeyWordEntry.objects.watched().get() == entry


def test_without_searches_it_fails_and_says_why(client: Client, youtube: Simulator) -> None:
    for project in ("one", "two"):
        QuotaSpend.objects.create(project=project, day=timezone.now().date(), bucket="search", used=100)
    body = preview(client, "kestrels")
    assert (body["log"]["status"], body["log"]["error_code"], body["videos"]) == ("failed", "quota_exhausted", [])
    assert body["videos_per_day"] is None
    assert VideoLog.objects.count() == 1


def test_one_that_takes_long_is_answered_before(
    client: Client, youtube: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Task, "apply_async", lambda *args, **kwargs: None)
    first = preview(client, "kestrels", 202)
    assert first["log"]["status"] == "waiting"
    assert preview(client, "kestrels", 202)["log"]["id"] == first["log"]["id"]
    tasks.process_trigger(KeyWordEntry.objects.get().pk, trigger="preview", log_id=first["log"]["id"])
    assert len(preview(client, "kestrels")["videos"]) == 10


@pytest.mark.parametrize("keyword", ["", " ", 5, None, "x" * 501])
def test_an_invalid_keyword_is_refused(client: Client, keyword: object) -> None:
    assert list(preview(client, keyword, 400)["errors"]) == ["keyword"]


def test_all_addresses_with_its_id_work_but_only_the_list_leaves_it_out(client: Client, youtube: Simulator) -> None:
    address = f"/api/keywords/{preview(client, 'kestrels')['id']}/"
    for below in ("", "stats/", "feed/", "export.csv"):
        assert client.get(address + below).status_code == 200
    assert client.get("/api/keywords/").json()["count"] == 0
    shown = client.get(address).json()
    assert shown["state"] == "previewed"

    assert client.put(address, shown, content_type="application/json").json()["state"] == "previewed"
    watched = client.patch(address, {"state": "watched"}, content_type="application/json").json()
    assert (watched["state"], watched["video_count"]) == ("watched", shown["video_count"])
    assert client.patch(address, {"state": "previewed"}, content_type="application/json").status_code == 400


def test_it_can_be_discarded(client: Client, youtube: Simulator) -> None:
    address = f"/api/keywords/{preview(client, 'kestrels')['id']}/"
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
