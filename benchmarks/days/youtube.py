"""A simulated YouTube in a process of its own, so that its memory is not measured."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from urllib.request import Request, urlopen

from config.environment import BASE_DIR
from simulator import Project
from tests.running import free_ports, wait_for

SEARCHES_PER_DAY: Final = Project("").limits["search"]
UNITS_PER_DAY: Final = Project("").limits["general"]


class YouTube:
    """The simulator at `url`, whose clock stands still until it is moved."""

    def __init__(self, url: str, projects: Mapping[str, str]) -> None:
        self.url = url
        self.projects = projects

    def move_to(self, moment: datetime) -> None:
        self._control("clock", now=moment.isoformat())

    def fail(self, kind: str) -> None:
        """Answer each request with this fault, until recover()."""
        self._control("faults", source="youtube", kind=kind, times=None)

    def recover(self) -> None:
        self._control("faults", clear=True)

    def set_keys(self, state: str, *, only_first: bool = False) -> None:
        for project in list(self.projects)[: 1 if only_first else None]:
            self._control("keys", project=project, state=state)

    def set_limits(self, searches: int = SEARCHES_PER_DAY, units: int = UNITS_PER_DAY) -> None:
        for project in self.projects:
            self._control("keys", project=project, searches_per_day=searches, units_per_day=units)

    def delete(self, video_id: str) -> None:
        self._control("delete", video_id=video_id)

    def _control(self, name: str, **body: Any) -> None:
        with urlopen(Request(f"{self.url}/_control/{name}", json.dumps(body).encode()), timeout=60):
            pass


@contextmanager
def running_youtube(
    seed: int, rates: Mapping[str, float], projects: Mapping[str, str], start: datetime
) -> Iterator[YouTube]:
    """Run a simulator in which so many videos per day are published about each keyword."""
    port = free_ports()
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--seed", str(seed), "--rhythm", "--frozen"]
    command += ["--now", start.isoformat(), *(f"--topic-rate={word}={rate / 24}" for word, rate in rates.items())]
    environment = os.environ | {"SIMULATOR_KEYS": ",".join(f"{name}={key}" for name, key in projects.items())}
    process = subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=subprocess.DEVNULL)
    try:
        youtube = YouTube(f"http://127.0.0.1:{port}", projects)
        wait_for(lambda: _answers(youtube), lambda: "the simulator does not answer")
        yield youtube
    finally:
        process.kill()
        process.wait()


def _answers(youtube: YouTube) -> bool:
    try:
        with urlopen(f"{youtube.url}/_control/clock", timeout=10):
            return True
    except OSError:
        return False
