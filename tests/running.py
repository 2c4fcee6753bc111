"""Start all of Windhover as bin/run does, and inspect its processes."""

import atexit
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from config.orphans import holders

BASE_DIR = Path(__file__).resolve().parent.parent

PARTS = {"broker", "simulator", "web", "worker", "beat"}

# Seconds; a deadline for slow machines, not an expected duration.
LONG = 120


class Windhover:
    """A running Windhover: `url`, `pids()`, `stop()`, and `output` for its terminal output."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.environment = clean_environment(folder, environment)
        self.state_dir = Path(self.environment["STATE_DIR"])
        self.url = f"http://127.0.0.1:{self.environment['PORT']}"
        self.terminal = folder / "terminal.txt"
        with self.terminal.open("ab") as terminal:
            # A session of its own, like a terminal's: Ctrl-C reaches this process group and no other.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.run"],
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.terminal.read_text(errors="replace")

    def wait_until_up(self) -> None:
        def up() -> bool:
            assert self.process.poll() is None, f"it exited:\n{self.output}"
            # Not the web server that a killed instance left running on the same port.
            return "web" in self.pids() and self.answers()

        wait_for(up, lambda: f"it does not answer:\n{self.output}")

    def answers(self) -> bool:
        with suppress(URLError, OSError):
            return bool(urlopen(f"{self.url}/ping/", timeout=10).status == 200)
        return False

    def pids(self) -> dict[str, int]:
        """Return the first process of each part by name: broker, simulator, web, worker, beat."""
        log = self.state_dir / "log" / "supervisor.log"
        spawned = re.findall(r"spawned: '(\w+)' with pid (\d+)", log.read_text() if log.exists() else "")
        return {name: int(pid) for name, pid in dict(spawned).items() if self.is_child(int(pid))}

    def is_child(self, pid: int) -> bool:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).ppid() == self.process.pid
        return False

    def all_pids(self) -> set[int]:
        """Return every process of this Windhover except the first one, orphans included."""
        return {process.pid for process in holders(self.state_dir)} - {self.process.pid}

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C or send another signal, wait until it has stopped, and return the exit code."""
        if self.process.poll() is None:
            # A terminal sends Ctrl-C to the process group.
            send = os.killpg if number == signal.SIGINT else os.kill
            send(self.process.pid, number)
        return self.process.wait(LONG)

    def kill_everything(self) -> None:
        for pid in {self.process.pid, *self.all_pids()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running_windhover(folder: Path, *, first: bool = False, **environment: str) -> Iterator[Windhover]:
    """Run Windhover with its state in `folder`/state: the demo, unless `environment` sets a source.

    If there is no state it is copied, except for a `first` start. No other environment variables apply. No process is
    left running.
    """
    if not first:
        copy_state(clean_environment(folder, environment))
    windhover = Windhover(folder, environment)
    try:
        windhover.wait_until_up()
        yield windhover
        windhover.stop()
    finally:
        windhover.kill_everything()


def copy_state(environment: dict[str, str]) -> None:
    """Make the state folder, if there is none, as a start in `environment` would: with tables and static files."""
    state = Path(environment["STATE_DIR"])
    if state.exists():
        return
    shutil.copytree(started_once() / "static", state / "static")
    if "DATABASE_URL" not in environment:
        demo = not environment.keys() & {"YT_KEYS", "INVIDIOUS_URL"}
        shutil.copyfile(started_once() / "windhover.sqlite3", state / ("demo.sqlite3" if demo else "windhover.sqlite3"))


@cache
def started_once() -> Path:
    """Return a state folder to copy from. The first start in a folder takes 6 s of CPU time."""
    folder = Path(tempfile.mkdtemp(prefix="windhover-started-"))
    atexit.register(shutil.rmtree, folder)
    environment = clean_environment(folder, {"INVIDIOUS_URL": "http://127.0.0.1:9"})
    subprocess.run([sys.executable, "-m", "config.prepare"], check=True, cwd=BASE_DIR, env=environment)
    return folder / "state"


def clean_environment(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return an environment for Windhover's programs, without this machine's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {
        **kept,
        "WINDHOVER_ENV_FILE": os.devnull,
        "STATE_DIR": str(folder / "state"),
        "PORT": str(free_ports()) if "PORT" not in environment else environment["PORT"],
        **environment,
    }


def free_ports() -> int:
    """Return a port that is free together with the next one, below the range of client ports."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port


def wait_for(condition: Callable[[], object], explain: Callable[[], str], seconds: float = LONG) -> None:
    """Wait until `condition` holds; fail with what `explain` returns after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.1
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(pause)
        pause = min(1.3 * pause, 1)  # a page that is loaded five times a second would take the time of other tests
