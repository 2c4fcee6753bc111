"""The state folder of a running Windhover: private, and used by one at a time."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

# What decides which database, broker and sources a process uses. Two that share a state folder must agree on it.
SHARED_SETTINGS = (
    "PORT",
    "DATABASES",
    "CELERY_BROKER_URL",
    "YT_KEYS",
    "YOUTUBE_API_URL",
    "INVIDIOUS_URL",
    "YT_SEARCHES_PER_DAY",
    "YT_UNITS_PER_DAY",
    "FETCH_INTERVAL",
)

# Seconds; longer than any part takes to stop (stopwaitsecs in supervisord.conf).
PATIENCE = 110


class CannotStart(Exception):
    """Says in one sentence, for the person at the terminal, why Windhover does not start."""


def make_state_folder(folder: Path) -> None:
    """Make the state folder, open to this user only: it holds the secret key and everything found."""
    try:
        (folder / "log").mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise CannotStart(f"STATE_DIR: {folder} cannot be written ({error.strerror}).") from error


def make_broker_folder(folder: Path) -> None:
    """Make the folder of the broker's socket: elsewhere where the state folder's path is too long."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    # In a shared temporary folder somebody else may have been there first.
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise CannotStart(f"{folder} is not private to this user; remove it or choose a shorter STATE_DIR.")


@contextmanager
def locked(folder: Path, address: str, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the state folder; yield the descriptor of a lock which the parts are to inherit.

    The first lock is this process's alone. The second lives as long as any process that inherited it: after
    this one was killed it tells which parts were left behind, and those are ended before a new start.
    Raises CannotStart if another Windhover runs here.
    """
    with (folder / "run.lock").open("a+") as own, (folder / "parts.lock").open("a+") as shared:
        if not lock(own):
            own.seek(0)
            raise CannotStart(f"already running here: {own.read().strip() or 'it has only just started'}.")
        own.truncate(0)
        own.write(f"process {os.getpid()} at {address}")
        own.flush()
        if not lock(shared):
            end_orphans(shared, say)
        os.set_inheritable(shared.fileno(), True)
        yield shared.fileno()


def note_settings(settings: Any) -> None:
    """Leave in the state folder by which settings Windhover runs there, each as a hash."""
    (settings.STATE_DIR / "run.settings").write_text(json.dumps(_hashes(settings)))


def differing_settings(settings: Any) -> list[str]:
    """Return which settings differ from those of the Windhover that runs in the same state folder, if one does."""
    folder: Path = settings.STATE_DIR
    try:
        with (folder / "run.lock").open("a+") as own:
            noted = {} if lock(own) else json.loads((folder / "run.settings").read_text())
    except (OSError, ValueError):
        return []
    return [name for name, value in _hashes(settings).items() if noted.get(name, value) != value]


def _hashes(settings: Any) -> dict[str, str]:
    return {name: sha256(repr(getattr(settings, name)).encode()).hexdigest()[:12] for name in SHARED_SETTINGS}


def lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_orphans(shared: IO[str], say: Callable[[str], None]) -> None:
    """End what a killed Windhover left running, gently first; return once `shared` is locked."""
    orphans = holders(shared)
    if not orphans:
        raise CannotStart("parts of one that was killed still run; end them first.")
    say(f"one that was killed left processes {', '.join(map(str, orphans))} running; ending them first")
    # A child is its parent's to end, as long as it has one.
    for pid in [pid for pid, parent in orphans.items() if parent not in orphans]:
        send(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while not lock(shared):
        if time.monotonic() > deadline:
            for pid in holders(shared):
                send(pid, signal.SIGKILL)
        time.sleep(0.2)


def holders(file: IO[str]) -> dict[int, int]:
    """Return the other processes that have `file` open, each with its parent; none where /proc is missing."""
    path, found = os.path.realpath(file.name), {}
    for process in Path("/proc").glob("[0-9]*"):
        # Processes end while one looks; those of other users do not show their files.
        with suppress(OSError):
            if process.name != str(os.getpid()) and path in map(os.readlink, (process / "fd").iterdir()):
                found[int(process.name)] = parent_of(process)
    return found


def parent_of(process: Path) -> int:
    # "pid (name) state parent ...", where the name may hold anything
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
