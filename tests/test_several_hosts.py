"""Several machines share PostgreSQL and a broker: each part is killed in turn, and the others go on without it."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import yaml

from benchmarks.cluster import Cluster, PostgreSQLMissing, running_cluster
from benchmarks.faults.youtube import KEYS, PER_DAY, SEARCH, YouTube
from config.run import broker_program
from simulator import World
from tests.needs import missing
from tests.running import BASE_DIR, clean_environment, copy_state, free_ports, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

SERVICES = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())["services"]

# Each is searched for every INTERVAL seconds, and has a new video in each minute or more often.
KEYWORDS = ("Python", "Chess", "Cats")
INTERVAL = 5

# Each returns rows that must not be there.
FAULTS = {
    "running": """SELECT id FROM videos_videolog
        WHERE status = 'running' AND created_at < now() - interval '30 seconds'""",
    "overlapping": """SELECT later.id FROM videos_videolog earlier JOIN videos_videolog later USING (keyword_id, status)
        WHERE status = 'done' AND later.id > earlier.id
            AND later.created_at < earlier.created_at + make_interval(secs => 0.9 * earlier.duration)""",
    "counted wrongly": """SELECT keyword, video_count FROM videos_keywordentry entry
        WHERE video_count <> (SELECT count(*) FROM videos_match WHERE keyword_id = entry.id)""",
    "added twice": """SELECT keyword_id, sum(number_added) FROM videos_videolog log GROUP BY keyword_id
        HAVING sum(number_added) > (SELECT count(*) FROM videos_match WHERE keyword_id = log.keyword_id)""",
}


class Host:
    """A machine: a state folder and a port of its own, and the services of docker-compose.yml as processes."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        folder.mkdir()
        path = os.pathsep.join([str(Path(sys.executable).parent), str(broker_program().parent), os.environ["PATH"]])
        self.environment = clean_environment(folder, environment) | {"PATH": path}
        self.state = Path(self.environment["STATE_DIR"])
        self.url = f"http://127.0.0.1:{self.environment['PORT']}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> None:
        command = shlex.split(SERVICES["migrate"]["command"])
        subprocess.run(command, check=True, cwd=BASE_DIR, env=self.environment)

    def start(self, *services: str, extra: str = "") -> None:
        for service in services:
            with self.output(service).open("ab") as output:
                self.running[service] = subprocess.Popen(
                    shlex.split(SERVICES[service]["command"] + extra),
                    cwd=BASE_DIR,
                    env=self.environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def kill(self, service: str) -> None:
        """Kill a service with all its processes, as a power cut would."""
        process = self.running.pop(service)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def output(self, service: str) -> Path:
        return self.folder / f"{service}.txt"

    def answers(self, path: str = "/ping/") -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(self.url + path, timeout=30).status_code == 200
        return False

    def watch(self, keyword: str) -> None:
        body = {"keyword": keyword, "interval": INTERVAL}
        requests.post(f"{self.url}/api/keywords/", json=body, timeout=30).raise_for_status()


class Hosts:
    """Three machines, and what is in their database.

    The first has all parts, the second another web and beat, the third the broker and a further worker. All have the
    same host name, as containers may.
    """

    def __init__(self, folder: Path, cluster: Cluster, youtube: YouTube) -> None:
        self.cluster = cluster
        self.broker_port = free_ports()
        environment = {
            "DATABASE_URL": cluster.url,
            "REDIS_URL": f"redis://127.0.0.1:{self.broker_port}/0",
            "SECRET_KEY": "the same on each machine",
            "YT_KEYS": ",".join(f"{name}={key}" for name, key in KEYS.items()),
            "YT_SEARCHES_PER_DAY": str(PER_DAY),
            "YT_UNITS_PER_DAY": str(PER_DAY),
            "YOUTUBE_API_URL": youtube.youtube_url,
            "SHARE_SEARCHES": "off",
            "WEB_PROCESSES": "1",
            "WORKER_PROCESSES": "2",
        }
        self.all = [Host(folder / name, environment) for name in ("first", "second", "third")]
        self.first, self.second, self.third = self.all

    def start_broker(self) -> None:
        self.third.start("redis", extra=f" --bind 127.0.0.1 --port {self.broker_port}")

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.cluster.url) as connection:
            return connection.execute(query, parameters).fetchall()

    def has_lease(self, host: Host) -> bool:
        """Return whether the beat of this machine is the one that works."""
        file = host.state / "machine_id"
        owners = self.rows("SELECT owner FROM incidents_heartbeat WHERE part = 'beat'")
        return file.exists() and any(file.read_text() in owner for (owner,) in owners)

    def wait_for_fetches(self, *keywords: str) -> None:
        """Wait until a fetch of each that begins from now on is done."""
        now, left = datetime.now(UTC), set(keywords)

        def fetched() -> bool:
            query = "SELECT DISTINCT keyword_text FROM videos_videolog WHERE status = 'done' AND created_at > %s"
            left.difference_update(name for (name,) in self.rows(query, now))
            return not left

        wait_for(fetched, lambda: f"{left} were not fetched again\n{self.output}")

    def wait_for_first_fetch(self, keyword: str) -> None:
        done = "SELECT 1 FROM videos_videolog WHERE status = 'done' AND keyword_text = %s"
        wait_for(lambda: self.rows(done, keyword), lambda: self.output)

    def faults(self, youtube: YouTube) -> list[Any]:
        """Return what is lost, stored twice or left running."""
        requested = youtube.stats.requests(SEARCH)
        ((reserved,),) = self.rows("SELECT sum(used) FROM quota_quotaspend WHERE bucket = 'search'")
        found: list[Any] = [("not in the ledger", requested, reserved)] if requested > reserved else []
        found += [(name, *row) for name, query in FAULTS.items() for row in self.rows(query)]
        searches = """SELECT entry.id, entry.keyword, entry.created_at, max(log.created_at)
            FROM videos_keywordentry entry JOIN videos_videolog log ON log.keyword_id = entry.id
            WHERE log.status = 'done' GROUP BY entry.id"""
        for pk, keyword, added_at, searched_at in self.rows(searches):
            shown = youtube.world.search(keyword, searched_at, published_after=added_at + timedelta(seconds=1))
            stored = {video for (video,) in self.rows("SELECT video_id FROM videos_match WHERE keyword_id = %s", pk)}
            found += [("lost", keyword, video.video_id) for video in shown if video.video_id not in stored]
        return found

    def kill(self) -> None:
        for host in self.all:
            for service in list(host.running):
                host.kill(service)

    @property
    def output(self) -> str:
        files = sorted(file for host in self.all for file in host.folder.glob("*.txt"))
        return "\n".join(f"{file.parent.name} {file.stem}: {file.read_text()[-3000:]}" for file in files)


@pytest.fixture
def youtube() -> Iterator[YouTube]:
    world = World(7, rates=dict.fromkeys(KEYWORDS, 240), rate=60, index_delay=0)
    with YouTube(world) as youtube:
        yield youtube


@pytest.fixture
def hosts(tmp_path: Path, youtube: YouTube) -> Iterator[Hosts]:
    """All parts but the third machine's worker. The first one's beat works, the second one's stands by."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(running_cluster())
        except PostgreSQLMissing:
            missing("PostgreSQL")
        hosts = Hosts(tmp_path, cluster, youtube)
        stack.callback(hosts.kill)
        hosts.start_broker()
        for host in (hosts.first, hosts.second):
            copy_state(host.environment)  # static files, which take seconds to compress
        hosts.first.prepare()
        hosts.first.start("web", "worker", "beat")
        wait_for(lambda: hosts.has_lease(hosts.first), lambda: hosts.output)
        hosts.second.start("web", "beat")
        for host in (hosts.first, hosts.second):
            wait_for(host.answers, lambda: hosts.output)
        yield hosts


def test_each_part_may_be_killed(hosts: Hosts, youtube: YouTube) -> None:
    first, second, third = hosts.all
    for keyword in KEYWORDS:
        first.watch(keyword)
    hosts.wait_for_fetches(*KEYWORDS)

    with youtube.holding(SEARCH, query="Marathon") as was_requested:
        first.watch("Marathon")
        assert was_requested()
        third.start("worker")
        first.kill("worker")
    hosts.wait_for_fetches(*KEYWORDS)

    # While beat waits until the killed worker's claim has surely ended:
    with youtube.holding(SEARCH, query="Kayaking") as was_requested:
        second.watch("Kayaking")
        assert was_requested()
        third.kill("redis")
        hosts.start_broker()
    hosts.wait_for_first_fetch("Kayaking")
    with youtube.holding(SEARCH) as was_requested:
        assert was_requested()
        hosts.cluster.kill()
        hosts.cluster.start()
    hosts.wait_for_fetches(*KEYWORDS, "Marathon", "Kayaking")
    statuses = "SELECT status FROM videos_videolog WHERE keyword_text = 'Marathon' ORDER BY id LIMIT 2"
    assert hosts.rows(statuses) == [("interrupted",), ("done",)]
    assert "cannot be written" not in third.output("worker").read_text(), "its state folder did not exist"

    first.kill("beat")
    killed_at = time.monotonic()
    first.kill("web")
    second.watch("Sailing")
    hosts.wait_for_first_fetch("Sailing")
    assert not hosts.has_lease(second), "a first fetch needs no beat"
    wait_for(lambda: hosts.has_lease(second), lambda: hosts.output)
    assert time.monotonic() - killed_at < 60
    hosts.wait_for_fetches(*KEYWORDS, "Marathon", "Kayaking", "Sailing")

    wait_for(lambda: second.answers("/healthz/"), lambda: hosts.output)
    assert hosts.faults(youtube) == []
