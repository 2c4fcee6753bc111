"""A running Windhover of its own with a simulated YouTube, and what people do with it meanwhile."""

import json
import random
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

from benchmarks.faults.clock import Clock, compiler
from benchmarks.faults.youtube import KEYS, PER_DAY, YouTube
from simulator import World
from tests.running import Windhover, clean_environment, copy_state, wait_for

# Videos per hour. The busiest fill a page of 50 in two minutes, so an outage leaves gaps.
RATES = {
    "Python": 60,
    "Football": 1500,
    "Chess": 240,
    "Cats": 600,
    "Rust": 120,
    "Yoga": 240,
    "Linux": 120,
    "Climate": 60,
}

# These are searched for each INTERVAL seconds; the others each minute, as often as keywords without an interval are.
OFTEN = ("Python", "Football", "Chess", "Cats")
INTERVAL = 5

STAR_EVERY = 0.5

# Of each keyword in a storm: more than a search can list.
STORM_RATE = 60_000

DISK_MB = 300


class System:
    """Windhover (`windhover`), its YouTube (`youtube`), and a client that stars videos (`starred`: what succeeded).

    `clock` is that of Windhover's processes, None if it cannot be set for these only. `stuck` is what did not work
    while a fault lasted, although it should have. Logs up to the id `misdated` may have been dated by a wrong clock.
    """

    def __init__(
        self, folder: Path, youtube: YouTube, clock: Clock | None, *, own_disk: bool, share_searches: bool
    ) -> None:
        self.folder, self.youtube, self.clock, self.own_disk = folder, youtube, clock, own_disk
        self.environment = {
            "SHARE_SEARCHES": "auto" if share_searches else "off",
            "YT_KEYS": ",".join(f"{name}={key}" for name, key in KEYS.items()),
            "YOUTUBE_API_URL": youtube.youtube_url,
            "YT_SEARCHES_PER_DAY": str(PER_DAY),
            "YT_UNITS_PER_DAY": str(PER_DAY),
        }
        copy_state(clean_environment(folder, self.environment))
        if clock:
            self.environment |= clock.environment
        self.start()
        # The same address after each further start.
        self.environment["PORT"] = self.windhover.environment["PORT"]
        self.keywords: list[int] = []
        self.starred: set[str] = set()
        self.deleted: set[int] = set()
        self.stuck: list[str] = []
        self.misdated = 0

    def start(self) -> None:
        self.windhover = Windhover(self.folder, self.environment)

    @property
    def database(self) -> Path:
        return self.windhover.state_dir / "windhover.sqlite3"

    def rows(self, query: str, *parameters: object) -> list[Any]:
        """Return what a query finds. It waits for no writer."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(query, parameters).fetchall()

    # What people do

    def request(self, method: str, address: str, body: dict[str, Any] | None = None, seconds: float = 30) -> Any:
        """Return what the REST API answers; raises OSError or HTTPException."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.windhover.url + address, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=seconds) as response:
            return json.loads(response.read() or "null")

    def watch(self, keyword: str, **chosen: Any) -> int:
        """Add a keyword; return its id."""
        return int(self.request("POST", "/api/keywords/", {"keyword": keyword} | chosen)["id"])

    def fetch_now(self, keyword: int) -> None:
        """Request a manual fetch, which may not be possible now."""
        with suppress(OSError, HTTPException):
            self.request("POST", f"/api/keywords/{keyword}/fetch/", {})

    def fetch_postponed(self) -> None:
        """Request fetches of the keywords that are not due for long.

        In the last two fetches of these a worker was killed: Windhover assumes that the keyword may be the cause.
        """
        due_later = "state = 'watched' AND next_due_at > datetime('now', '+90 seconds')"
        for (keyword,) in self.rows(f"SELECT id FROM videos_keywordentry WHERE {due_later}"):
            self.fetch_now(keyword)

    def star(self, chance: random.Random) -> None:
        """Star one of the newest videos, and remember it when that was confirmed."""
        if videos := self.request("GET", "/api/videos/?page_size=50")["results"]:
            video = chance.choice(videos)["video_id"]
            self.request("PATCH", f"/api/videos/{video}/", {"starred": True})
            self.starred.add(video)

    # Its processes

    def pid(self, part: str) -> int:
        """Return the first process of a part, when it runs."""
        wait_for(
            lambda: part in self.windhover.pids(), lambda: f"{part} does not run:\n{self.windhover.output[-3000:]}"
        )
        return self.windhover.pids()[part]

    def processes(self, part: str) -> list[psutil.Process]:
        """Return a part's processes, the first one first."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.pid(part))
            return [first, *first.children(recursive=True)]
        return []

    def is_up(self) -> bool:
        return self.windhover.process.poll() is None and "web" in self.windhover.pids() and self.windhover.answers()


@contextmanager
def running_system(folder: Path, seed: int, *, is_storm: bool = False) -> Iterator[System]:
    """Run a system that watches RATES, until the block ends; in a storm, all keywords are as busy as can be.

    With an even seed, one search serves four keywords; with an odd one, each keyword is searched for alone.
    """
    rates = dict.fromkeys(RATES, STORM_RATE) if is_storm else RATES
    index_delay = 0 if is_storm else 20
    world = World(seed, rates=rates, history=timedelta(minutes=10), index_delay=index_delay, date_jitter=30)
    with (
        tempfile.TemporaryDirectory() as elsewhere,  # not on the disk that becomes full
        _own_disk(folder) as has_own_disk,
        YouTube(world) as youtube,
    ):
        clock = Clock(Path(elsewhere)) if compiler() else None
        system = System(folder, youtube, clock, own_disk=has_own_disk, share_searches=seed % 2 == 0)
        over = threading.Event()
        try:
            system.windhover.wait_until_up()
            for keyword in RATES:
                chosen = {"interval": INTERVAL} if keyword in OFTEN or is_storm else {}
                system.keywords.append(system.watch(keyword, **chosen))
            threading.Thread(target=_repeat, args=(over, system.star, random.Random(seed)), daemon=True).start()
            yield system
        finally:
            over.set()
            system.windhover.kill_everything()


@contextmanager
def _own_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk at `folder`, so that it can become full; yield whether this user may do that."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "windhover-faults", str(folder)]
    with suppress(OSError):
        if subprocess.run(command, capture_output=True).returncode == 0:
            try:
                yield True
            finally:
                subprocess.run(["umount", "--lazy", str(folder)], check=True)
            return
    yield False


def _repeat(over: threading.Event, act: Callable[[random.Random], None], chance: random.Random) -> None:
    while not over.wait(STAR_EVERY):
        with suppress(OSError, HTTPException, ValueError):
            act(chance)
