"""A simulated day: beat and the chores follow the plan, and the day's searches last."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django_celery_beat.models import PeriodicTask

from apps.conftest import MovableTime
from apps.incidents.models import Incident
from apps.incidents.tasks import notify_admin
from apps.quota import keys
from apps.quota.models import QuotaSpend
from apps.videos import tasks
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat
from simulator import Clock, Project, Simulator, World

# In California.
MIDNIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
RESET = MIDNIGHT + timedelta(days=1)
MINUTE = timedelta(minutes=1)

# Videos per hour.
RATES = {"quiet": 0.1, "seldom": 0.4, "usual": 1, "often": 2, "busy": 5}


@pytest.fixture
def simulator(frozen_time: MovableTime, clock: Clock, settings, db, monkeypatch) -> Iterator[Simulator]:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    frozen_time.move_to(MIDNIGHT)
    world = World(seed=5, rates=RATES, started_at=MIDNIGHT, rhythm=True)
    with Simulator(world, projects=[Project("one", ["a-secret-key"])], clock=clock) as simulator:
        settings.YOUTUBE_API_URL = simulator.youtube_url
        settings.YT_KEYS = [("one", "a-secret-key")]
        settings.SHARE_SEARCHES = False
        keys.sync()
        yield simulator


def live(frozen_time: MovableTime, sent: list[tuple], since: datetime, until: datetime) -> None:
    """Let minutes pass: beat sends keywords and chores, a worker runs them. Chores run every five minutes only, since
    they would take most of the test's time."""
    now, rung = since, dict.fromkeys(KeyWordEntry.objects.values_list("pk", flat=True), since)
    rows: list[PeriodicTask] = []
    while now < until:
        frozen_time.move_to(now)
        rows = rows or list(PeriodicTask.objects.filter(task=beat.TASK).select_related("interval"))
        for row in rows:
            keyword = int(row.name.removeprefix("keyword-"))
            if now - rung[keyword] >= timedelta(seconds=row.interval.every):
                rung[keyword] = now
                sent.append(("process_trigger", (keyword,), {}))
        if now.minute % 10 == 0:
            tasks.sync_schedules()
        if now.minute % 5 == 0:
            notify_admin()
            tasks.catch_up()
        if sent or now.minute % 5 == 0:
            rows = []  # may have changed
        for _, arguments, named in sent:
            tasks.process_trigger(*arguments, **named)
        sent.clear()
        now += MINUTE


@pytest.mark.days
@pytest.mark.timeout(300)
def test_what_is_planned_is_what_happens(
    simulator: Simulator, frozen_time: MovableTime, sent: list[tuple], client: Client
) -> None:
    requested = KeyWordEntry.objects.create(keyword="requested", interval=7200)
    entries = [requested, *(KeyWordEntry.objects.create(keyword=word) for word in RATES)]

    planned: Counter[int] = Counter()
    for hour in range(24):
        live(frozen_time, sent, MIDNIGHT + timedelta(hours=hour), MIDNIGHT + timedelta(hours=hour + 1))
        shown = client.get("/api/quota/").json()
        assert shown["scheduled"]["ends_at"] is None, f"after {hour} h the searches do not last"
        for line in shown["plan"]:
            planned[line["id"]] += line["searches_per_day"] / 24

    searched = Counter(VideoLog.objects.filter(created_at__lt=RESET, searches__gt=0).values_list("keyword", flat=True))
    # Counts are integers, and the first interval is shorter so that keywords spread out.
    differences = {entry.keyword: searched[entry.pk] - planned[entry.pk] for entry in entries}
    assert all(abs(differences[entry.keyword]) <= 1.6 + planned[entry.pk] / 20 for entry in entries), differences
    assert [searched[entry.pk] for entry in entries[1:]] == sorted(searched[entry.pk] for entry in entries[1:])
    assert searched[requested.pk] in (12, 13)

    spend = QuotaSpend.objects.get(bucket="search", day=MIDNIGHT.date())
    assert 94 <= spend.used <= 98
    assert spend.refused_at is None
    assert not Incident.objects.exists()
    assert set(VideoLog.objects.values_list("status", flat=True)) == {"done"}
