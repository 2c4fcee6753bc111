"""Three simulated days with an outage, an exhausted day, a refused key and a stopped worker: no video is lost."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db.models import F

from apps.conftest import NOW, MovableTime
from apps.incidents.models import Incident
from apps.incidents.tasks import notify_admin
from apps.quota import keys
from apps.quota.models import ApiKey
from apps.videos import tasks
from apps.videos.models import KeyWordEntry, Match, SearchGap, Video, VideoLog, VideoTotal
from apps.videos.scheduling import beat
from simulator import Clock, Project, Simulator, World

# Videos per hour: for some, five hours are more than a page.
RATES = {"quiet": 1, "usual": 3, "python": 6, "busy": 10, "crowded": 14}

STEP = timedelta(minutes=10)


@pytest.fixture
def simulator(frozen_time: MovableTime, clock: Clock, settings, db, monkeypatch) -> Iterator[Simulator]:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    projects = [Project("one", ["first-secret-key"]), Project("two", ["second-secret-key"])]
    # Indexed up to 90 minutes late, and five minutes out of order.
    world = World(seed=11, rates=RATES, started_at=NOW)
    with Simulator(world, projects=projects, clock=clock) as simulator:
        settings.YOUTUBE_API_URL = simulator.youtube_url
        settings.YT_KEYS = [("one", "first-secret-key"), ("two", "second-secret-key")]
        keys.sync()
        yield simulator


class Days:
    """Let time pass in steps of ten minutes, with beat, chores and a worker."""

    def __init__(self, frozen_time: MovableTime, sent: list[tuple]) -> None:
        self.frozen_time = frozen_time
        self.sent = sent
        self.now = NOW

    def pass_until(self, moment: datetime, *, worker: bool = True) -> None:
        while self.now < moment:
            self.now += STEP
            self.frozen_time.move_to(self.now)
            beat.sync()
            notify_admin()
            tasks.catch_up()
            if worker:
                for _, arguments, named in self.sent:
                    tasks.process_trigger(*arguments, **named)
            self.sent.clear()


@pytest.mark.days
@pytest.mark.timeout(300)
def test_every_video_shown_is_stored_once(simulator: Simulator, frozen_time: MovableTime, sent: list[tuple]) -> None:
    days = Days(frozen_time, sent)
    entries = [KeyWordEntry.objects.create(keyword=word) for word in RATES]
    days.pass_until(NOW + timedelta(hours=2))

    simulator.faults.add("youtube", "status_503", times=None)
    days.pass_until(NOW + timedelta(hours=7))
    assert VideoLog.objects.filter(status="failed", error_code="source_unavailable").exists()
    simulator.faults.clear()
    days.pass_until(NOW + timedelta(hours=20))

    # A day on which other programs have used up the project's searches by noon.
    for project in simulator.projects:
        project.limits["search"] = 0
    days.pass_until(NOW + timedelta(hours=24))
    assert Incident.objects.open().get().kind == Incident.Kind.SEARCHES_USED_UP
    assert set(VideoLog.objects.filter(status="waiting").values_list("keyword_text", flat=True)) == set(RATES)
    assert VideoLog.objects.filter(status="waiting").count() == len(RATES)
    for project in simulator.projects:
        project.limits["search"] = 100
    days.pass_until(NOW + timedelta(hours=40))

    simulator.projects["one"].keys[0].state = "expired"
    days.pass_until(NOW + timedelta(hours=48))
    assert ApiKey.objects.get(label="one").state == "refused"

    days.pass_until(NOW + timedelta(hours=56), worker=False)
    days.pass_until(NOW + timedelta(hours=72))
    assert SearchGap.objects.count() == 0

    missed = {}
    for entry in entries:
        entry.refresh_from_db()
        last = entry.searched_through
        assert last is not None
        assert last > days.now - timedelta(seconds=1.2 * entry.planned_interval)
        shown = [
            video.video_id
            for video in simulator.world.search(entry.keyword, last, published_after=NOW)
            if video.indexed_at <= last.timestamp()
        ]
        assert len(shown) > 20
        stored = set(Match.objects.filter(keyword=entry).values_list("video", flat=True))
        missed[entry.keyword] = [video_id for video_id in shown if video_id not in stored]
        assert entry.video_count == len(stored)
    assert missed == {word: [] for word in RATES}

    assert VideoTotal.current() == Video.objects.count()
    assert not Match.objects.exclude(published_at=F("video__published_at")).exists()
    # No search was refused but those of the exhausted day, one for each project.
    assert simulator.stats.requests("/youtube/v3/search") <= 4 * 200
    assert not Incident.objects.open().exclude(kind=Incident.Kind.KEY_REFUSED).exists()
