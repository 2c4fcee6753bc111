"""No broker; and for tests that race, real databases with as many connections as there are racers."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import dj_database_url
import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.models import Exists, F, OuterRef, Q
from pytest_django import DjangoDbBlocker

from apps.conftest import MovableTime
from apps.incidents.tests.inbox import inbox
from apps.quota import keys
from apps.videos.models import KeyWordEntry, Match, Video, VideoTotal
from apps.videos.scheduling import beat
from simulator import Clock, Project, Simulator, World

__all__ = ["inbox"]

MOST_RACERS = 9


@pytest.fixture(autouse=True)
def nothing_is_sent(sent: list[tuple], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep messages instead of sending them to a broker, and wait for no answer to them."""
    monkeypatch.setattr("apps.videos.fetching.manual.PREVIEW_SECONDS", 0)


@pytest.fixture
def entry(youtube: Simulator) -> KeyWordEntry:
    """A keyword that is to be fetched every hour, and that is due."""
    entry = KeyWordEntry.objects.create(keyword="Python", interval=3600)
    beat.sync()
    entry.refresh_from_db()
    return entry


@pytest.fixture
def run_youtube(
    frozen_time: MovableTime, clock: Clock, settings: Any, db: None
) -> Iterator[Callable[[World], Simulator]]:
    """Start a simulator of a world that is given, with more searches than a fetch every 20 seconds uses up."""
    project = Project("one", ["a-secret-key"], searches_per_day=5000)
    with ExitStack() as stack:

        def start(world: World) -> Simulator:
            simulator = stack.enter_context(Simulator(world, projects=[project], clock=clock))
            settings.YOUTUBE_API_URL = simulator.youtube_url
            settings.YT_KEYS = [("one", "a-secret-key")]
            settings.YT_SEARCHES_PER_DAY = {"": 5000}
            keys.sync()
            return simulator

        yield start


class RealDatabase:
    """A separate, migrated database; other processes connect by `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._threads = ThreadPoolExecutor(MOST_RACERS)

    def at_once(self, *works: Callable[[], Any]) -> list[Any]:
        """Run each of `works` in a thread and a connection of its own, all from one moment on.

        Return what they returned, in their order. Raises what the first of them raised, when all are done.
        """
        ready = Barrier(len(works))

        def run(work: Callable[[], Any]) -> Any:
            connection.ensure_connection()
            ready.wait()
            return work()

        racers = [self._threads.submit(run, work) for work in works]
        for racer in racers:
            racer.exception()
        return [racer.result() for racer in racers]

    def close(self) -> None:
        self.at_once(*[connections.close_all] * MOST_RACERS)
        self._threads.shutdown()


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Let the database at `url` be the default one, here and in all threads started inside the block.

    The tests' own is in memory, or inside a transaction: other connections would see nothing of it.
    """
    database: dict[str, Any] = dict(dj_database_url.parse(url))
    if not url.startswith("sqlite"):
        database["OPTIONS"] = django_settings.POSTGRESQL_TIMEOUTS
    elif connection.vendor == "sqlite":
        database["OPTIONS"] = connections.databases["default"]["OPTIONS"]  # those of config.settings
    own, of_the_tests = connections["default"], connections.databases["default"]
    connections.databases["default"] = connections.configure_settings({"default": database})["default"]
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"], connections.databases["default"] = own, of_the_tests


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Path:
    """A file to copy."""
    file = tmp_path_factory.mktemp("migrated") / "windhover.sqlite3"
    with django_db_blocker.unblock(), connected_to(f"sqlite:///{file}"):
        call_command("migrate", verbosity=0)
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_cluster: str, django_db_blocker: DjangoDbBlocker) -> str:
    """The name of a database to copy."""
    with psycopg.connect(postgres_cluster, autocommit=True) as cluster:
        cluster.execute("CREATE DATABASE migrated")
    with django_db_blocker.unblock(), connected_to(beside(postgres_cluster, "migrated")):
        call_command("migrate", verbosity=0)
    return "migrated"


def beside(url: str, name: str) -> str:
    """Return the address of another database in the same cluster."""
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[RealDatabase]:
    """An empty database with Windhover's tables, in SQLite and in PostgreSQL."""
    with django_db_blocker.unblock():
        if request.param == "sqlite":
            file = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path)
            yield from racing_on(f"sqlite:///{file}")
        else:
            template, url = request.getfixturevalue("migrated_postgres"), request.getfixturevalue("postgres_cluster")
            with psycopg.connect(url, autocommit=True) as cluster:
                cluster.execute(f"CREATE DATABASE race TEMPLATE {template}")
                yield from racing_on(beside(url, "race"))
                cluster.execute("DROP DATABASE race WITH (FORCE)")


def racing_on(url: str) -> Iterator[RealDatabase]:
    with connected_to(url):
        database = RealDatabase(url)
        yield database
        database.close()


def held(word: str) -> KeyWordEntry:
    """Return a new keyword that a fetch with the token "held" has claimed."""
    entry = KeyWordEntry.objects.create(keyword=word)
    KeyWordEntry.objects.filter(pk=entry.pk).update(claim_token="held")
    return entry


def assert_nothing_lost_or_doubled() -> None:
    """Check what holds after any number of writers: counts equal rows, copies equal originals, no video is orphaned."""
    total, hidden = VideoTotal.read(), Video.objects.exclude(hidden_at=None)
    assert (total.count, total.hidden_count) == (Video.objects.count(), hidden.count())
    for entry in KeyWordEntry.objects.all():
        kept = (entry.video_count, entry.hidden_count)
        assert kept == (entry.matches.count(), entry.matches.filter(hidden=True).count()), entry
    by_hand = Q(video__hidden_at__isnull=False, video__hidden_by_rules=False)
    assert not Match.objects.filter(hidden=True).exclude(by_hand | Q(hidden_by__isnull=False)).exists()
    assert not Match.objects.filter(by_hand | Q(hidden_by__isnull=False), hidden=False).exists()
    shown = Match.objects.filter(video=OuterRef("pk"), hidden=False)
    assert set(hidden) == set(Video.objects.filter(~Exists(shown)))
    assert not Video.objects.filter(matches=None).exists()
    assert not Match.objects.exclude(published_at=F("video__published_at")).exists()
    for video in Video.objects.with_keywords():
        assert video.keyword_id == video.found_by[0].keyword_id, f"{video.pk} names another than the first finder"
