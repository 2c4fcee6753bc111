"""What the tests of the apps share: YouTube and Invidious on localhost, seen through frozen time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings

from apps.quota import keys
from simulator.clock import Clock
from simulator.projects import Project
from simulator.server import Simulator
from simulator.world import World

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)  # noon in California


class MovableTime:
    """The time that Windhover and the simulator share; frozen until it is moved."""

    def __init__(self, traveller: Any, clock: Clock) -> None:
        self._traveller = traveller
        self._clock = clock

    def move(self, **by: float) -> None:
        self.move_to(datetime.now(UTC) + timedelta(**by))

    def move_to(self, moment: datetime) -> None:
        self._traveller.move_to(moment)
        self._clock.set(moment)


@pytest.fixture(autouse=True)
def nothing_searched_yet() -> Iterator[None]:
    """Forget what other tests have counted on the same day."""
    file = django_settings.STATE_DIR / "searches.json"
    file.unlink(missing_ok=True)
    yield
    file.unlink(missing_ok=True)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW, frozen=True)


@pytest.fixture
def frozen_time(clock: Clock) -> Iterator[MovableTime]:
    """Noon in California on 20 November 2026, until it is moved."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield MovableTime(traveller, clock)


@pytest.fixture
def youtube(frozen_time: MovableTime, clock: Clock, settings: Any, db: None) -> Iterator[Simulator]:
    """A simulator with two projects of one key each, and Windhover set up to use it."""
    projects = [Project("one", ["first-secret-key"]), Project("two", ["second-secret-key"])]
    world = World(seed=7, rate=2, index_delay=0, started_at=NOW)
    with Simulator(world, projects=projects, clock=clock) as simulator:
        settings.YOUTUBE_API_URL = simulator.youtube_url
        settings.THUMBNAIL_ORIGINS = [simulator.url]
        settings.YT_KEYS = [("one", "first-secret-key"), ("two", "second-secret-key")]
        keys.sync()
        yield simulator


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would have gone to the broker: the task's name, its arguments and keyword arguments."""
    messages: list[tuple[Any, ...]] = []

    def take(self: Any, args: Any = (), kwargs: Any = None, **options: Any) -> None:
        messages.append((self.name.rpartition(".")[2], tuple(args), kwargs or {}))

    monkeypatch.setattr("celery.app.task.Task.apply_async", take)
    monkeypatch.setattr("apps.videos.tasks.queue_is_full", lambda: False)
    return messages
