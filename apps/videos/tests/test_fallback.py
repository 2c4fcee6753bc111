"""Invidious instead of YouTube: when it is searched, what is stored, and when it is not used."""

from datetime import timedelta
from unittest.mock import patch

from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.incidents.models import Incident
from apps.videos.models import KeyWordEntry, Video
from apps.videos.tests.fetches import MANUAL, fetched
from core.errors import SourceUnavailable
from simulator.server import Simulator


def test_it_falls_back_to_invidious(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    fetched(entry)
    exact = dict(Video.objects.values_list("pk", "published_at"))
    for project in youtube.projects:
        project.limits["search"] = 0
    searched_through = entry.searched_through

    log = fetched(entry, MANUAL)

    assert (log.status, log.method) == ("done", "invidious")
    assert "Daily search limit reached." in log.message
    assert entry.searched_through == searched_through
    assert {pk: date for pk, date in Video.objects.values_list("pk", "published_at") if pk in exact} == exact
    # videos.list has its own bucket, and replaces Invidious' estimates.
    assert not Video.objects.filter(published_exact=False).exists()


def test_it_stores_estimates_without_youtube(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    for project in youtube.projects:
        project.limits = {"search": 0, "general": 0}

    log = fetched(entry)

    assert (log.status, log.method) == ("done", "invidious")
    assert log.number_added == Video.objects.filter(published_exact=False, completed_at=None).count() > 0


def test_it_works_with_invidious_alone(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []

    log = fetched(entry)

    assert (log.status, log.method, log.searches) == ("done", "invidious", 0)
    assert entry.searched_through is None


def test_a_blocked_invidious_is_not_searched(
    youtube: Simulator, entry: KeyWordEntry, settings, frozen_time: MovableTime
) -> None:
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    youtube.faults.add("invidious", "html_200", times=None)

    assert fetched(entry).error_code == "source_blocked"
    asked = youtube.stats.requests("/api/v1/search")
    log = fetched(entry, MANUAL)
    assert (log.status, log.waiting_until) == ("waiting", NOW + timedelta(hours=1))
    assert youtube.stats.requests("/api/v1/search") == asked

    youtube.faults.clear()
    frozen_time.move(hours=1, seconds=1)
    assert fetched(entry, MANUAL).status == "done"
    assert not Incident.objects.open().exists()


def test_it_gives_both_reasons_when_neither_source_works(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    for project in youtube.projects:
        project.limits["search"] = 0
    youtube.faults.add("invidious", "error_400", times=None)

    log = fetched(entry)

    assert log.status == "failed"
    assert "Daily search limit reached." in log.message
    assert "Invidious" in log.message


def test_invidious_does_not_replace_a_suspended_project(youtube: Simulator, entry: KeyWordEntry, settings) -> None:
    settings.INVIDIOUS_URL = youtube.invidious_url
    youtube.projects["one"].keys[0].state = "suspended"
    for _ in range(2):
        assert fetched(entry, MANUAL).error_code == "project_suspended"
    assert youtube.stats.requests("/api/v1/search") == 0
    assert youtube.stats.requests("/youtube/v3/search") == 1


def test_invidious_is_retried(youtube: Simulator, entry: KeyWordEntry, settings, monkeypatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    youtube.faults.add("invidious", "status_503", times=2)

    assert fetched(entry).status == "done"
    assert [int(nap) for nap in naps] == [1, 2]
    assert not Incident.objects.exists()


def test_an_outage_of_invidious_is_logged(youtube: Simulator, entry: KeyWordEntry, settings, monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    youtube.faults.add("invidious", "reset", times=None)

    assert fetched(entry).error_code == "source_unavailable"
    assert Incident.objects.open().get().kind == Incident.Kind.INVIDIOUS_UNAVAILABLE
    asked = youtube.stats.requests("/api/v1/search")
    assert fetched(entry, MANUAL).error_code == "source_unavailable"
    assert youtube.stats.requests("/api/v1/search") == asked + 1, "one try shows whether it is back"

    youtube.faults.clear()
    fetched(entry, MANUAL)
    assert not Incident.objects.open().exists()


def test_what_one_page_of_invidious_brought_is_kept_when_the_next_fails(
    youtube: Simulator, entry: KeyWordEntry, settings
) -> None:
    settings.INVIDIOUS_URL, settings.YT_KEYS = youtube.invidious_url, []
    with patch("core.invidious_api._page", autospec=True) as page:
        page.side_effect = [
            [{"type": "video", "videoId": "abcdefghijk", "title": "python"}],
            SourceUnavailable("Away."),
        ]
        log = fetched(entry)
    assert (log.status, log.number_added) == ("done", 1)


def test_invidious_is_searched_after_the_deadline_of_youtube(
    youtube: Simulator, entry: KeyWordEntry, settings, monkeypatch
) -> None:
    monkeypatch.setattr("apps.quota.youtube.WORK_SECONDS", -1.0)
    settings.INVIDIOUS_URL = youtube.invidious_url

    log = fetched(entry)

    assert (log.status, log.method) == ("done", "invidious")
    assert youtube.stats.requests("/youtube/v3/search") == 0
    assert youtube.stats.requests("/api/v1/search") == 1, "there is no time for a second page"


def test_an_invidious_that_is_not_needed_is_no_incident(
    youtube: Simulator, entry: KeyWordEntry, settings, frozen_time: MovableTime, monkeypatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    settings.INVIDIOUS_URL = youtube.invidious_url
    youtube.faults.add("youtube", "status_503", times=None)
    youtube.faults.add("invidious", "html_200", times=None)
    assert fetched(entry).error_code == "source_blocked"
    kinds = {incident.kind for incident in Incident.objects.open()}
    assert kinds == {Incident.Kind.YOUTUBE_UNAVAILABLE, Incident.Kind.INVIDIOUS_BLOCKED}
    asked = youtube.stats.requests("/api/v1/search")

    # A blocked Invidious does not extend a short outage of YouTube.
    log = fetched(entry, MANUAL)
    assert (log.status, log.error_code, log.http_status) == ("failed", "source_unavailable", 503)
    assert "Invidious" in log.message
    assert entry.next_due_at <= timezone.now() + timedelta(seconds=entry.planned_interval)

    youtube.faults.clear()
    fetched(entry, MANUAL)
    assert not Incident.objects.open().exists()
    for project in youtube.projects:
        project.limits["search"] = 0
    assert fetched(entry, MANUAL).status == "waiting"
    assert youtube.stats.requests("/api/v1/search") == asked, "it is left alone for its hour all the same"
