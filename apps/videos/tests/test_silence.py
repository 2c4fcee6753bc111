"""A keyword about which unusually long nothing new is published is noticed, once, and not as a problem."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.conftest import MovableTime
from apps.incidents.models import Incident
from apps.incidents.notify import notify_pending
from apps.incidents.tests.inbox import Inbox
from apps.quota import keys
from apps.videos import tasks
from apps.videos.fetching import silent
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.silence import unusual_silence
from apps.videos.tests.builders import found_video, store

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def every(hours: float, days: float) -> list[datetime]:
    """Return dates so many hours apart, from START on."""
    return [START + number * hours * HOUR for number in range(1, int(days * 24 / hours) + 1)]


def at_noon(number: int, days: int) -> list[datetime]:
    """Return `number` dates between 12:00 and 13:00 of each day."""
    return [START + day * DAY + 12 * HOUR + n * HOUR / number for day in range(days) for n in range(number)]


def by_chance(per_day: float, days: float, seed: int) -> list[datetime]:
    chance, dates, now = random.Random(seed), list[datetime](), START
    while (now := now + chance.expovariate(per_day) * DAY) < START + days * DAY:
        dates.append(now)
    return dates


@pytest.mark.parametrize(
    ("published", "silent_for", "unusual"),
    [
        ([], 100 * DAY, False),
        (every(2, days=13), 10 * DAY, False),  # too little is known
        (every(2, days=15), 18 * HOUR, False),  # 9 are expected: once in 8,000 times
        (every(2, days=15), 19 * HOUR, True),  # 9.5
        (every(48, days=28), 18 * DAY, False),
        (every(48, days=28), 19 * DAY, True),
        (at_noon(12, days=20), 23 * HOUR, False),  # nothing is expected in the night
        (at_noon(12, days=20), 25 * HOUR, True),
        (every(2, days=15)[:60] + every(2, days=15)[90:], 50 * HOUR, False),  # it was silent for 62 hours before
        (every(2, days=15)[:60] + every(2, days=15)[90:], 63 * HOUR, True),
    ],
)
def test_what_is_unusual(published: list[datetime], silent_for: timedelta, unusual: bool) -> None:
    silence = unusual_silence(published, START, (published[-1] if published else START) + silent_for)
    assert (silence is not None) == unusual
    if silence:
        assert silence.since == published[-1]
        assert silence.per_day == pytest.approx(len(published) / ((published[-1] - START) / DAY))


def test_chance_alone_seldom_looks_unusual() -> None:
    noticed = 0
    for seed in range(20):
        dates = by_chance(12, days=42, seed=seed)
        for number in range(12 * 28, len(dates)):
            end = dates[number]
            noticed += unusual_silence(dates[number - 12 * 28 : number], dates[number - 12 * 28], end) is not None
    assert noticed <= 1, "of 3,400 intervals between two videos"


@pytest.fixture
def entry(frozen_time: MovableTime, db: None) -> KeyWordEntry:
    """A keyword with 12 videos a day, of which the last was published 21 hours ago; YouTube was just searched."""
    keys.sync()
    entry = KeyWordEntry.objects.create(keyword="kestrels")
    now = timezone.now()
    videos = [found_video(published_at=now - 21 * HOUR - 2 * number * HOUR) for number in range(240)]
    store(entry, *videos)
    KeyWordEntry.objects.update(created_at=now - 21 * DAY, searched_through=now, rate=8, last_fetched_at=now)
    entry.refresh_from_db()
    return entry


def notices() -> list[str]:
    return [incident.message for incident in Incident.objects.open()]


@pytest.mark.django_db
def test_it_works(entry: KeyWordEntry, client: Client, inbox: Inbox, frozen_time: MovableTime) -> None:
    tasks.notice_silence()
    assert notices() == ["“kestrels”: usually about 12 new videos a day, none for 21 hours."]
    assert client.get(f"/api/keywords/{entry.pk}/").json()["silence"] == {
        "since": "2026-11-19T23:00:00Z",
        "per_day": pytest.approx(12, rel=0.05),
    }
    for address in ("/keywords/", f"/keywords/{entry.pk}/"):
        assert "Unusually quiet" in client.get(address).text
    assert "unusually quiet" not in client.get("/").text, "it is no problem"
    silent.sync()
    notify_pending()
    assert len(inbox.messages) == 1

    frozen_time.move(hours=1)
    store(entry, found_video("new", published_at=timezone.now()))
    silent.sync()
    assert notices() == []
    assert client.get(f"/api/keywords/{entry.pk}/").json()["silence"] is None
    notify_pending()
    assert len(inbox.messages) == 1, "its end is not notified"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"searched_through": datetime(2026, 11, 20, 10, tzinfo=UTC)},  # searches fail since
        {"created_at": datetime(2026, 11, 10, tzinfo=UTC)},
        {"state": "paused"},
    ],
)
def test_what_is_not_known_or_not_searched_is_no_silence(entry: KeyWordEntry, change: dict[str, Any]) -> None:
    KeyWordEntry.objects.update(**change)
    silent.sync()
    assert notices() == []


@pytest.mark.django_db
def test_a_gap_may_have_videos(entry: KeyWordEntry) -> None:
    now = timezone.now()
    entry.gaps.create(after=now - 3 * HOUR, before=now - 2 * HOUR, late=False)
    silent.sync()
    assert notices() == []


@pytest.mark.django_db
def test_pausing_ends_it(entry: KeyWordEntry) -> None:
    silent.sync()
    entry.change(state=KeyWordEntry.State.PAUSED)
    silent.sync()
    assert notices() == []
    assert KeyWordEntry.objects.get().silence is None
