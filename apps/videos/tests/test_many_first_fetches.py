"""Many keywords added at once: their first fetches are shared, and leave searches to the others and to people."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.conftest import NOW, MovableTime
from apps.quota import keys
from apps.quota.report import scheduled_searches
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat
from apps.videos.scheduling.plan import cost_of_adding
from apps.videos.tests.builders import spend, videos_of
from apps.videos.tests.fetches import SCHEDULE
from simulator import Clock, Project, Simulator, World

FIRST = VideoLog.Trigger.FIRST
WORDS = [f"bird{number}" for number in range(40)]


@pytest.fixture
def youtube(frozen_time: MovableTime, clock: Clock, settings: Any, db: None) -> Iterator[Simulator]:
    world = World(seed=4, rates=dict.fromkeys(WORDS, 4.0), mentions=0, index_delay=0, started_at=NOW)
    with Simulator(world, projects=[Project("birds", ["a-secret-key"])], clock=clock) as simulator:
        settings.YOUTUBE_API_URL = simulator.youtube_url
        settings.YT_KEYS = [("birds", "a-secret-key")]
        keys.sync()
        yield simulator


def add(number: int) -> list[KeyWordEntry]:
    return [KeyWordEntry.objects.create(keyword=word) for word in WORDS[:number]]


def entries() -> list[KeyWordEntry]:
    return list(KeyWordEntry.objects.order_by("pk"))


def searches(simulator: Simulator) -> int:
    return simulator.stats.requests("/youtube/v3/search")


def fetch_all() -> None:
    for entry in entries():
        if entry.searched_through is None:
            fetch_keyword(entry, entry.next_trigger)


def test_it_works(youtube: Simulator) -> None:
    cost = cost_of_adding(intervals=[None] * 40)
    add(40)
    fetch_all()
    assert searches(youtube) == 0, "they wait for the plan, which is made within seconds"
    beat.sync()
    fetch_all()
    assert {entry.searched_through is None for entry in entries()} == {False}
    assert searches(youtube) == 1 + 20, "twenty are left after the first group, a fifth of the searches that are left"
    assert cost is not None
    assert cost.first_searches == 21
    assert {log.trigger for log in VideoLog.objects.all()} == {"first"}
    log = VideoLog.objects.exclude(shared_with=None)[0].shared_with
    assert log is not None
    found = set[str]()
    for one in log.with_shared():
        assert one.keyword is not None
        found |= videos_of(one.keyword)
    assert len(found) == 50, "the newest about any of them"


def test_a_few_are_fetched_one_by_one(youtube: Simulator) -> None:
    add(25)
    beat.sync()
    fetch_all()
    assert searches(youtube) == 25
    assert VideoLog.objects.exclude(shared_with=None).count() == 0


def test_they_leave_what_is_kept_for_people(youtube: Simulator) -> None:
    add(25)
    beat.sync()
    spend(89)
    reserved = scheduled_searches().reserved
    assert reserved > 0
    KeyWordEntry.objects.update(group=None)
    fetch_all()
    assert scheduled_searches().unused >= reserved
    assert VideoLog.objects.filter(status="waiting").exists()
    assert fetch_keyword(entries()[-1], VideoLog.Trigger.MANUAL).status == "done"  # type: ignore[union-attr]


def test_after_a_failure_they_are_still_shared(youtube: Simulator, settings: Any, frozen_time: MovableTime) -> None:
    add(40)
    beat.sync()
    settings.YOUTUBE_API_URL = "http://127.0.0.1:9"
    fetch_all()
    assert {entry.last_status for entry in entries()} == {"failed"}
    settings.YOUTUBE_API_URL = youtube.youtube_url
    KeyWordEntry.objects.update(next_due_at=NOW)
    assert {entry.next_trigger for entry in entries()} == {SCHEDULE}
    fetch_all()
    assert {entry.last_status for entry in entries()} == {"done"}
    assert searches(youtube) == 21


def test_they_are_not_held_up_if_no_plan_is_made(youtube: Simulator, frozen_time: MovableTime) -> None:
    add(40)
    assert fetch_keyword(entries()[0], FIRST) is None
    frozen_time.move_to(NOW + timedelta(minutes=6))
    assert fetch_keyword(entries()[0], FIRST) is not None
