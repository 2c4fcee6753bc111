"""The faults. Each is injected, lasts a while, and is over when its function returns how often it happened."""

import errno
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil
import redis
import requests

from benchmarks.faults.clock import Clock
from benchmarks.faults.system import INTERVAL, System
from benchmarks.faults.verdict import Before, recover
from benchmarks.faults.youtube import SEARCH, VIDEOS
from config.environment import BASE_DIR
from core.log_lines import first_line
from tests.running import wait_for

# How long a fault lasts, in seconds.
SOURCE_SECONDS = 20
STOPPED_SECONDS = 20
UNCLAIMED_SECONDS = 45  # longer than a claim lasts that is not renewed
AWAY_SECONDS = 60
LOCKED_SECONDS = 30  # ten more than writers wait
FULL_SECONDS = 30
REFUSED_SECONDS = 15
REPEATED_SECONDS = 40

Inject = Callable[[System, random.Random], int]

# The name of all faults together, and how many of them at the same time.
MIXED = "mixed"
MOST_AT_ONCE = 3

# How the names of those begin that need a clock of their own.
CLOCK = "clock-"

# By name; the docstring says what happens.
FAULTS: dict[str, Inject] = {}


def _fault(name: str) -> Callable[[Inject], Inject]:
    def register(inject: Inject) -> Inject:
        FAULTS[name] = inject
        return inject

    return register


# Processes


@contextmanager
def _held_fetch(system: System, endpoint: str) -> Iterator[list[psutil.Process]]:
    """Hold a response of an endpoint while the block runs; yield the worker's process that waits for it."""
    port = int(system.youtube.url.rpartition(":")[2])
    with system.youtube.holding(endpoint) as was_requested:
        was_requested()
        yield [one for one in system.processes("worker")[1:] if _is_connected(one, port)][:1]


def _is_connected(process: psutil.Process, port: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        connections = process.net_connections("tcp")
        return any(one.raddr and one.raddr.port == port and one.status == "ESTABLISHED" for one in connections)
    return False


@_fault("kill-fetch-searching")
def kill_fetch_searching(system: System, chance: random.Random) -> int:
    """A process of the worker is killed while it waits for a search."""
    with _held_fetch(system, SEARCH) as fetching:
        return _send(signal.SIGKILL, *fetching)


@_fault("kill-fetch-completing")
def kill_fetch_completing(system: System, chance: random.Random) -> int:
    """A process of the worker is killed while it waits for the full data of new videos."""
    with _held_fetch(system, VIDEOS) as fetching:
        return _send(signal.SIGKILL, *fetching)


@_fault("kill-fetch-storing")
def kill_fetch_storing(system: System, chance: random.Random) -> int:
    """A process of the worker is killed up to 30 ms after it got the full data of new videos."""
    with _held_fetch(system, VIDEOS) as fetching:
        pass
    time.sleep(chance.uniform(0, 0.03))
    return _send(signal.SIGKILL, *fetching)


@_fault("kill-worker")
def kill_worker(system: System, chance: random.Random) -> int:
    """All processes of the worker are killed during a fetch."""
    with system.youtube.holding(SEARCH) as was_requested:
        was_requested()
        return _send(signal.SIGKILL, *system.processes("worker"))


@_fault("kill-worker-parent")
def kill_worker_parent(system: System, chance: random.Random) -> int:
    """The worker's first process is killed during a fetch; its children are not."""
    with system.youtube.holding(SEARCH) as was_requested:
        was_requested()
        return _send(signal.SIGKILL, *system.processes("worker")[:1])


@_fault("kill-beat")
def kill_beat(system: System, chance: random.Random) -> int:
    """Beat is killed."""
    return _send(signal.SIGKILL, *system.processes("beat"))


@_fault("kill-broker")
def kill_broker(system: System, chance: random.Random) -> int:
    """The broker is killed; its messages are lost."""
    return _send(signal.SIGKILL, *system.processes("broker"))


@_fault("kill-broker-old-data")
def kill_broker_old_data(system: System, chance: random.Random) -> int:
    """The broker is killed, and starts with the messages of ten seconds before, which were processed meanwhile."""
    with _paused(*system.processes("worker")):
        time.sleep(INTERVAL + 1)  # until messages wait
        with _broker(system) as broker:
            broker.save()
    time.sleep(10)
    number = _send(signal.SIGKILL, *system.processes("broker"))
    time.sleep(5)
    (system.windhover.state_dir / "dump.rdb").unlink()
    return number


@_fault("kill-web")
def kill_web(system: System, chance: random.Random) -> int:
    """All processes of web are killed."""
    return _send(signal.SIGKILL, *system.processes("web"))


@_fault("kill-supervisor")
def kill_supervisor(system: System, chance: random.Random) -> int:
    """The supervisor is killed, which leaves all parts running; then Windhover is started again."""
    os.kill(system.windhover.process.pid, signal.SIGKILL)
    system.windhover.process.wait()
    system.start()
    return 1


@_fault("kill-everything")
def kill_everything(system: System, chance: random.Random) -> int:
    """All processes are killed during a fetch; then Windhover is started again."""
    with system.youtube.holding(SEARCH) as was_requested:
        was_requested()
        system.windhover.kill_everything()
    system.start()
    return 1


@_fault("stop-fetch")
def stop_fetch(system: System, chance: random.Random) -> int:
    """A process of the worker is stopped for 45 s during a fetch, so that its claim ends and another takes over."""
    with _held_fetch(system, SEARCH) as fetching:
        _send(signal.SIGSTOP, *fetching)
    with _paused(*fetching):
        time.sleep(UNCLAIMED_SECONDS)
    return len(fetching)


def _stop_fault(part: str) -> None:
    @_fault(f"stop-{part}")
    def inject(system: System, chance: random.Random) -> int:
        with _paused(*system.processes(part)):
            time.sleep(STOPPED_SECONDS)
        return 1

    inject.__doc__ = f"All processes of {part} are stopped for {STOPPED_SECONDS} s (SIGSTOP)."


for _part in ("worker", "beat", "broker", "web"):
    _stop_fault(_part)


@_fault("broker-away")
def broker_away(system: System, chance: random.Random) -> int:
    """The broker is killed whenever it starts, for a minute."""
    until, killed = time.monotonic() + AWAY_SECONDS, set[int]()
    while time.monotonic() < until:
        pid = system.windhover.pids().get("broker")
        if pid and pid not in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.1)
    return len(killed)


@_fault("two-beats")
def two_beats(system: System, chance: random.Random) -> int:
    """A second beat runs for 40 s."""
    with _further(system, "-m", "celery", "--quiet", "-A", "config", "beat", "--pidfile=") as beat:
        time.sleep(REPEATED_SECONDS)
        return int(beat.poll() is None)


@contextmanager
def _further(system: System, *command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one more of Windhover's programs until the block ends."""
    program = subprocess.Popen(
        [sys.executable, *command],
        cwd=BASE_DIR,
        env=system.windhover.environment | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield program
    finally:
        processes = psutil.Process(program.pid).children(recursive=True)
        program.terminate()
        with suppress(subprocess.TimeoutExpired):
            program.wait(AWAY_SECONDS)
        _send(signal.SIGKILL, *processes)
        program.kill()
        program.wait()


# The broker's messages


@_fault("messages-twice")
def messages_twice(system: System, chance: random.Random) -> int:
    """Each message is delivered twice, for 40 s."""
    until, repeated = time.monotonic() + REPEATED_SECONDS, set[bytes]()
    with _broker(system) as monitored, _broker(system) as broker, monitored.monitor() as monitor:  # type: ignore[no-untyped-call]
        while (left := until - time.monotonic()) > 0:
            if not monitor.connection.can_read(timeout=left):
                continue
            message = _pushed(monitor.connection.read_response(disable_decoding=True))
            if message and message not in repeated:
                repeated.add(message)
                broker.lpush("celery", message)
    return len(repeated)


def _pushed(line: bytes) -> bytes | None:
    """Return the message that a line of MONITOR shows to be added to the queue."""
    arguments: list[str] = [escaped.decode() for escaped in re.findall(rb'"((?:[^"\\]|\\.)*)"', line)]
    if arguments[:2] != ["LPUSH", "celery"]:
        return None
    return arguments[2].encode().decode("unicode_escape").encode("latin-1")


# Database and disk


_HOLD_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
time.sleep(float(sys.argv[2]))
"""


@_fault("database-locked")
def database_locked(system: System, chance: random.Random) -> int:
    """Another program holds SQLite's write lock, ten seconds longer than writers wait for it."""
    subprocess.run([sys.executable, "-c", _HOLD_LOCK, str(system.database), str(LOCKED_SECONDS)], check=True)
    return 1


@_fault("disk-full")
def disk_full(system: System, chance: random.Random) -> int:
    """The disk is full for 30 s; without the right to mount one, files cannot grow."""
    if not system.own_disk:
        return _limit_files(system)
    ballast = system.folder / "ballast"
    until = time.monotonic() + FULL_SECONDS
    try:
        with ballast.open("wb", buffering=0) as file:
            while time.monotonic() < until:
                try:
                    file.write(bytes(65_536))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    time.sleep(0.05)  # a file that shrinks leaves room for another piece
    finally:
        ballast.unlink()
    return 1


def _limit_files(system: System) -> int:
    processes = [one for part in ("web", "worker", "beat") for one in system.processes(part)]
    size = system.database.with_name(f"{system.database.name}-wal").stat().st_size // 2
    _, hard = processes[0].rlimit(resource.RLIMIT_FSIZE)
    for process in processes:
        process.rlimit(resource.RLIMIT_FSIZE, (size, hard))
    time.sleep(FULL_SECONDS)
    for process in [one for part in ("web", "worker", "beat") for one in system.processes(part)]:
        process.rlimit(resource.RLIMIT_FSIZE, (hard, hard))
    return 1


@_fault("migrate")
def migrate(system: System, chance: random.Random) -> int:
    """`manage.py migrate`, and what each start prepares, run while all parts do."""
    for command in (["manage.py", "migrate"], ["-m", "config.prepare"]):
        subprocess.run(
            [sys.executable, *command],
            check=True,
            cwd=BASE_DIR,
            env=system.windhover.environment,
            capture_output=True,
        )
    return 2


# Clocks


def _clock_fault(name: str, seconds: int, about: str) -> None:
    @_fault(name)
    def inject(system: System, chance: random.Random) -> int:
        with _clock_lock, _misdated(system):
            if not system.clock:
                return 0
            system.clock.set(seconds)
            try:
                _, stuck = recover(system, wrong_clock=True, helped=False)
                system.stuck += [f"{name}: {sentence}" for sentence in stuck]
            finally:
                system.clock.set(0)
        return 1

    inject.__doc__ = f"{about} Meanwhile, too, keywords with a short interval must be searched for."


_clock_lock = threading.Lock()

for _name, _seconds, _about in (
    ("clock-10-min-ahead", 600, "Windhover's clock is set ten minutes ahead, and back again."),
    ("clock-day-ahead", 86_400, "Windhover's clock is set a day ahead, and back again."),
    ("clock-3-h-behind", -10_800, "Windhover's clock is set back by three hours, and right again."),
):
    _clock_fault(_name, _seconds, _about)


@_fault("clock-of-worker")
def clock_of_worker(system: System, chance: random.Random) -> int:
    """For 40 s there is another worker whose clock is two minutes ahead."""
    if not system.clock:
        return 0
    with tempfile.TemporaryDirectory() as folder, _misdated(system):
        clock = Clock(Path(folder))
        clock.set(120)
        with _further(system, "-m", "config.worker", **clock.environment) as worker:
            time.sleep(REPEATED_SECONDS)
            return int(worker.poll() is None)


@contextmanager
def _misdated(system: System) -> Iterator[None]:
    """Note which logs may be dated wrongly: those by a wrong clock, and by one that was set back all before."""
    try:
        yield
    finally:
        system.misdated = Before.now(system).newest_log


# Keywords and keys


@_fault("delete-during-fetch")
def delete_during_fetch(system: System, chance: random.Random) -> int:
    """A keyword is deleted during its fetch."""
    with system.youtube.holding(SEARCH, query="Marathon") as was_requested:
        pk = system.watch("Marathon", interval=INTERVAL)
        requested = was_requested()
        system.request("DELETE", f"/api/keywords/{pk}/")
    system.deleted.add(pk)
    return int(requested)


@_fault("keys-refused")
def keys_refused(system: System, chance: random.Random) -> int:
    """YouTube refuses one key, then each of them, until a person has it tried again."""
    keys = [key for project in system.youtube.projects for key in project.keys]
    before = sum(key.refused for key in keys)
    try:
        for key in keys:
            key.state = "invalid"
            time.sleep(REFUSED_SECONDS)
    finally:
        for key in keys:
            key.state = "valid"
    _try_keys_again(system)
    return sum(key.refused for key in keys) - before


def _try_keys_again(system: System) -> None:
    """Do what a person does on the page of the quota."""
    with requests.Session() as person:
        person.get(f"{system.windhover.url}/keywords/", timeout=30).raise_for_status()
        (token,) = [cookie.value for cookie in person.cookies if cookie.name.startswith("csrf")]
        for (pk,) in system.rows("SELECT id FROM quota_apikey"):
            address = f"{system.windhover.url}/quota/keys/{pk}/retry/"
            person.post(address, {"csrfmiddlewaretoken": token or ""}, timeout=30).raise_for_status()


# YouTube's responses


def _source_fault(kind: str, about: str) -> None:
    @_fault(f"source-{kind.replace('_', '-')}")
    def inject(system: System, chance: random.Random) -> int:
        before = _served(system, kind)
        system.youtube.faults.add("youtube", kind, times=None)
        time.sleep(SOURCE_SECONDS)
        system.youtube.faults.clear("youtube")
        return _served(system, kind) - before

    inject.__doc__ = f"For {SOURCE_SECONDS} s, {about}."


def _served(system: System, kind: str) -> int:
    return system.youtube.faults.served()["youtube"].get(kind, 0)


for _kind, _about in {
    "hang": "YouTube does not respond",
    "reset": "YouTube resets connections",
    "status_500": "YouTube responds with 500",
    "html_200": "YouTube responds with 200 and a page in HTML",
    "truncated_json": "half of each response is missing",
    "huge_json": "each response has 32 MB",
    "repeated_items": "search pages show half of their videos, each twice",
    "reversed_items": "search pages are in reverse order",
}.items():
    _source_fault(_kind, _about)


def possible(system: System) -> list[str]:
    """Return the names of the faults that can be injected on this machine."""
    return sorted(name for name in FAULTS if system.clock or not name.startswith(CLOCK))


def mix(system: System, chance: random.Random, seconds: float) -> int:
    """Inject faults for so many seconds, up to MOST_AT_ONCE at the same time; return how many."""
    until, running, names = time.monotonic() + seconds, dict[str, threading.Thread](), list[str]()
    while time.monotonic() < until:
        running = {name: thread for name, thread in running.items() if thread.is_alive()}
        if len(running) < MOST_AT_ONCE:
            name = chance.choice([one for one in possible(system) if one not in running])
            inject = partial(_try_to_inject, name, system, random.Random(chance.random()))
            running[name] = threading.Thread(target=inject, name=name)
            running[name].start()
            names.append(name)
        time.sleep(chance.uniform(1, 8))
    for thread in running.values():
        thread.join()
    wait_for(system.is_up, lambda: f"web does not answer:\n{system.windhover.output[-3000:]}")
    _try_keys_again(system)  # if web did not answer when they were to be
    print(f"  mixed: {', '.join(names)}", flush=True)
    return len(names)


def _try_to_inject(name: str, system: System, chance: random.Random) -> None:
    """Inject a fault, which others may prevent: what it needs may not run."""
    try:
        FAULTS[name](system, chance)
    except (
        OSError,
        psutil.Error,
        redis.RedisError,
        requests.RequestException,
        subprocess.CalledProcessError,
        AssertionError,
    ) as error:
        print(f"  {name} was prevented: {first_line(error)}", flush=True)


def _send(number: signal.Signals, *processes: psutil.Process) -> int:
    """Send a signal to these processes; return 1 if there was one."""
    sent = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            sent = 1
    return sent


@contextmanager
def _paused(*processes: psutil.Process) -> Iterator[None]:
    _send(signal.SIGSTOP, *processes)
    try:
        yield
    finally:
        _send(signal.SIGCONT, *processes)


@contextmanager
def _broker(system: System) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=str(system.windhover.state_dir / "broker.sock")) as broker:
        yield broker
