"""A keyword whose fetches fail again and again, through no fault of a source, is a problem that people see."""

from unittest.mock import Mock

import pytest
from django import db
from django.test import Client
from django.utils import timezone

from apps.conftest import MovableTime
from apps.incidents.models import Incident
from apps.videos import tasks
from apps.videos.fetching import claims
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tests.fetches import MANUAL, SCHEDULE, fetched
from core.errors import SourceUnavailable

pytestmark = pytest.mark.django_db(transaction=True)


def die(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    """Let the worker die that fetches the keyword, and beat notice it."""
    frozen_time.move(hours=6)
    token = entry.claim(VideoLog.Trigger.SCHEDULE)
    assert token
    VideoLog.objects.create(keyword=entry)
    assert claims.end(entry.pk, token, timezone.now())


def problems() -> list[str]:
    return [incident.message for incident in Incident.objects.open()]


def test_it_works(entry: KeyWordEntry, frozen_time: MovableTime, client: Client) -> None:
    die(entry, frozen_time)
    assert problems() == [], "a machine may have been stopped"
    die(entry, frozen_time)
    assert problems() == [f"“{entry}”: its fetches fail again and again. The worker stopped during the fetch."]
    assert "Keyword cannot be fetched." in client.get("/").content.decode()
    die(entry, frozen_time)
    assert Incident.objects.count() == 1

    frozen_time.move(hours=6)
    assert fetched(entry).status == "done"
    assert problems() == []


@pytest.mark.parametrize("error", [ZeroDivisionError, db.DataError, db.IntegrityError, db.ProgrammingError, db.Error])
def test_an_error_of_windhover(
    entry: KeyWordEntry, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("apps.videos.fetching.storing.store", Mock(side_effect=error("it was refused")))
        fetched(entry, MANUAL)
        assert problems() == []
        fetched(entry, MANUAL)
        (message,) = problems()
        assert "Unexpected error" in message
    fetched(entry, MANUAL)
    assert problems() == []


def test_a_source_that_fails_is_another_problem(
    entry: KeyWordEntry, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*args: object, **kwargs: object) -> None:
        raise SourceUnavailable("YouTube is having problems.")

    monkeypatch.setattr("apps.videos.fetching.searching.search", unavailable)
    for _ in range(3):
        fetched(entry, MANUAL)
    assert problems() == []


@pytest.mark.parametrize("end", ["pause", "delete"])
def test_it_ends_with_watching_the_keyword(entry: KeyWordEntry, frozen_time: MovableTime, end: str) -> None:
    for _ in range(2):
        die(entry, frozen_time)
    if end == "pause":
        entry.change(state=KeyWordEntry.State.PAUSED)
    else:
        entry.delete()
    assert problems() == []


def test_a_deleted_keyword_is_none(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    """Whose erasing may be ended, too."""
    for _ in range(2):
        die(entry, frozen_time)
    entry.delete()
    token = entry.claim_erasing()
    assert token
    assert claims.end(entry.pk, token, timezone.now())
    assert problems() == []


def test_a_chore_ends_what_a_signal_did_not(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    for _ in range(2):
        die(entry, frozen_time)
    KeyWordEntry.objects.update(state=KeyWordEntry.State.PAUSED)
    tasks.sync_schedules()
    assert problems() == []


def test_others_are_not_affected(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    other = KeyWordEntry.objects.create(keyword="django")
    for _ in range(2):
        die(entry, frozen_time)
    assert fetched(other, SCHEDULE).status == "done"
    assert len(problems()) == 1
