"""A query that YouTube refuses: a passing fault stops no keyword, a lasting refusal is an incident and tried daily."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from apps.conftest import NOW, MovableTime
from apps.incidents.models import Incident
from apps.videos import tasks
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat
from apps.videos.tests.fetches import MANUAL, SCHEDULE, fetched
from core import youtube_api
from core.errors import BadQuery, SourceError
from core.youtube_refusals import refusal
from simulator.server import Simulator

REFUSED, UNAVAILABLE = Incident.Kind.QUERY_REFUSED, Incident.Kind.YOUTUBE_UNAVAILABLE


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def other(entry: KeyWordEntry) -> KeyWordEntry:
    """A second keyword, whose searches succeed."""
    other = KeyWordEntry.objects.create(keyword="rust", interval=3600)
    beat.sync()
    return other


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let YouTube refuse the queries of these keywords from now on."""
    answer = youtube_api.search_videos
    because = BadQuery("YouTube refuses this query (invalidParameter).", 400)

    def refuse(*words: str, error: SourceError = because) -> None:
        def search(key: str, query: str, **named: Any) -> Any:
            if query in words:
                raise error
            return answer(key, query, **named)

        monkeypatch.setattr("core.youtube_api.search_videos", search)

    return refuse


def open_kinds() -> list[str]:
    return [incident.kind for incident in Incident.objects.open()]


def run_due(frozen_time: MovableTime, **by: float) -> None:
    """Move the clock on in steps of five minutes, and fetch whatever is due; plan after that, and every half hour."""
    end = timezone.now() + timedelta(**by)
    while timezone.now() < end:
        frozen_time.move(minutes=5)
        due = list(KeyWordEntry.objects.overdue(timezone.now()))
        for entry in due:
            fetch_keyword(entry, SCHEDULE)
        if due or timezone.now().minute % 30 == 0:
            tasks.sync_schedules()


@pytest.mark.parametrize("kind", ["not_found_404", "bad_request_400", "bad_query_400"])
def test_a_fault_of_two_minutes_stops_nothing(
    youtube: Simulator, entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime, kind: str
) -> None:
    youtube.faults.add("youtube", kind, times=None)
    fetched(entry)
    fetched(other)
    assert UNAVAILABLE in open_kinds(), "when several are refused at once, YouTube is at fault"
    assert not KeyWordEntry.objects.exclude(bad_query="").exists()
    frozen_time.move(minutes=2)
    youtube.faults.clear()

    run_due(frozen_time, minutes=65)
    assert set(KeyWordEntry.objects.values_list("video_count", "refused_since")) == {(50, None)}
    assert open_kinds() == []


@pytest.mark.days
def test_a_fault_of_a_day_stops_nothing(
    youtube: Simulator, entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime
) -> None:
    youtube.faults.add("youtube", "bad_query_400", times=None)
    run_due(frozen_time, hours=24)
    assert open_kinds() == [UNAVAILABLE]
    assert not KeyWordEntry.objects.exclude(bad_query="").exists()
    youtube.faults.clear()

    run_due(frozen_time, minutes=80)
    assert [log.status for log in VideoLog.objects.newest_first()[:2]] == ["done", "done"]
    assert set(KeyWordEntry.objects.values_list("refused_since", flat=True)) == {None}
    assert open_kinds() == []


@pytest.mark.days
def test_it_is_tried_after_growing_pauses_and_then_daily(
    entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime, refuse: Callable[..., None]
) -> None:
    KeyWordEntry.objects.filter(pk=entry.pk).update(interval=60, planned_interval=60)
    refuse("Python")
    run_due(frozen_time, hours=60)

    tried = list(entry.logs.order_by("created_at").values_list("created_at", flat=True))
    pauses = [(later - sooner) / timedelta(minutes=5) for sooner, later in pairwise(tried)]
    assert pauses == [3, 12, 48, 288, 288]
    entry.refresh_from_db()
    assert entry.bad_query == "YouTube refuses this query (invalidParameter)."
    assert entry.refused_since == tried[0]
    assert other.logs.filter(status="done").count() > 50


def test_a_lasting_refusal_is_an_incident(
    entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime, refuse: Callable[..., None], client: Client
) -> None:
    refuse("Python")
    run_due(frozen_time, hours=5)
    assert open_kinds() == []
    shown = client.get(f"/keywords/{entry.pk}/").content.decode()
    assert "YouTube has refused to search for it since" in shown

    run_due(frozen_time, hours=2)
    (incident,) = Incident.objects.open()
    assert (incident.kind, incident.subject) == (REFUSED, str(entry.pk))
    assert "Python" in incident.message
    assert not PeriodicTask.objects.filter(name=f"keyword-{entry.pk}").exists(), "it is not planned any more"
    shown = client.get(f"/keywords/{entry.pk}/").content.decode()
    assert "Keyword refused by YouTube." in shown
    assert "tried again once a day" in shown
    answer = client.get(f"/api/keywords/{entry.pk}/").json()
    assert answer["bad_query"].startswith("YouTube refuses this query")
    assert answer["next_due_at"]


WITHOUT_CAUSE = refusal(400, json.dumps({"error": {"errors": [{"reason": "badRequest"}]}}).encode())


@pytest.mark.days
def test_a_keyword_refused_without_a_cause_is_marked_refused_while_others_succeed(
    entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime, refuse: Callable[..., None]
) -> None:
    refuse("Python", error=WITHOUT_CAUSE)
    run_due(frozen_time, hours=3)
    assert open_kinds() == [], "YouTube is not at fault"
    entry.refresh_from_db()
    assert (entry.refused_since is not None, entry.bad_query) == (True, "")

    run_due(frozen_time, hours=29)
    (incident,) = Incident.objects.open()
    assert (incident.kind, incident.subject) == (REFUSED, str(entry.pk))
    assert "YouTube refuses the request (HTTP 400, badRequest). It accepts other queries." in incident.message
    tried = list(entry.logs.order_by("created_at").values_list("created_at", flat=True))
    assert [(later - sooner) / timedelta(hours=1) for sooner, later in pairwise(tried)] == [1, 1, 1, 4, 24]


def test_a_keyword_refused_without_a_cause_is_not_left_to_invidious(
    youtube: Simulator, entry: KeyWordEntry, other: KeyWordEntry, refuse: Callable[..., None], settings
) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    refuse("Python", error=WITHOUT_CAUSE)
    assert fetched(entry).method == "invidious", "YouTube may be at fault"
    fetched(entry, MANUAL)
    assert entry.refused_since is None
    fetched(other)
    assert fetched(entry, MANUAL).error_code == "bad_query"
    assert entry.refused_since == NOW
    assert open_kinds() == []


def test_a_refusal_without_a_cause_is_youtubes_fault_while_none_succeeds(
    entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime, refuse: Callable[..., None]
) -> None:
    refuse("Python", "rust", error=WITHOUT_CAUSE)
    run_due(frozen_time, hours=3)
    assert open_kinds() == [UNAVAILABLE]
    assert set(KeyWordEntry.objects.values_list("bad_query", "refused_since")) == {("", None)}


def marked_refused(entry: KeyWordEntry) -> KeyWordEntry:
    """Return `entry` as it is after hours of refusals."""
    KeyWordEntry.objects.filter(pk=entry.pk).update(
        bad_query="Refused.", refused_since=NOW - timedelta(hours=6), next_due_at=NOW + timedelta(hours=24)
    )
    tasks.sync_schedules()
    entry.refresh_from_db()
    assert open_kinds() == [REFUSED]
    return entry


def edit(entry: KeyWordEntry) -> None:
    entry.keyword = "PYTHON"
    entry.save()


def pause(entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.filter(pk=entry.pk).set_state(KeyWordEntry.State.PAUSED)


def try_now(entry: KeyWordEntry) -> None:
    assert fetched(entry, MANUAL).status == "done"


@pytest.mark.parametrize("ending", [edit, pause, KeyWordEntry.delete, try_now])
def test_it_ends(
    entry: KeyWordEntry, ending: Callable[[KeyWordEntry], object], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ending(marked_refused(entry))
    assert open_kinds() == []
    assert set(KeyWordEntry.objects.values_list("bad_query", "refused_since")) <= {("", None)}


def test_it_ends_when_the_daily_attempt_passes(
    entry: KeyWordEntry, frozen_time: MovableTime, django_capture_on_commit_callbacks: Any
) -> None:
    marked_refused(entry)
    frozen_time.move(hours=24)
    assert KeyWordEntry.objects.overdue(timezone.now()).get() == entry
    with django_capture_on_commit_callbacks(execute=True):
        assert fetched(entry).status == "done"
    assert (entry.bad_query, entry.refused_since, open_kinds()) == ("", None, [])
    assert PeriodicTask.objects.filter(name=f"keyword-{entry.pk}").exists()


def test_repeated_manual_fetches_do_not_mark_a_query_refused(
    entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime, refuse: Callable[..., None]
) -> None:
    refuse("Python")
    for _ in range(8):
        fetched(other, MANUAL)
        assert fetched(entry, MANUAL).error_code == "bad_query"
        frozen_time.move(seconds=10)
    assert (entry.bad_query, entry.refused_since) == ("", NOW)
    assert entry.next_due_at == timezone.now() + timedelta(minutes=60, seconds=-10)


@pytest.mark.days
def test_a_single_keyword_is_never_marked_refused(
    entry: KeyWordEntry, frozen_time: MovableTime, refuse: Callable[..., None]
) -> None:
    refuse("Python")
    run_due(frozen_time, hours=24)
    entry.refresh_from_db()
    assert entry.bad_query == "", "nothing shows that YouTube accepts other queries"
    assert entry.next_due_at <= timezone.now() + timedelta(hours=4)


def test_two_refused_queries_do_not_count_as_an_outage(
    entry: KeyWordEntry, other: KeyWordEntry, frozen_time: MovableTime, refuse: Callable[..., None]
) -> None:
    third = KeyWordEntry.objects.create(keyword="go", interval=1800)
    beat.sync()
    refuse("Python", "rust")
    run_due(frozen_time, hours=12)

    assert set(KeyWordEntry.objects.exclude(bad_query="")) == {entry, other}
    assert open_kinds() == [REFUSED, REFUSED]
    assert third.logs.filter(status="done").count() > 20


def test_a_reason_with_unstorable_characters_is_logged(entry: KeyWordEntry, monkeypatch) -> None:
    error = {"reason": "\ud800\x00" + "x" * 5000, "location": "q"}
    body = json.dumps({"error": {"errors": [error]}}).encode()
    monkeypatch.setattr("core.youtube_api.search_videos", Mock(side_effect=refusal(400, body)))

    assert fetched(entry).error_code == "bad_query"
    KeyWordEntry.objects.filter(pk=entry.pk).update(refused_since=NOW - timedelta(hours=6), bad_query="Refused.")
    fetched(entry, MANUAL)
    assert 0 < len(entry.bad_query) <= 300
