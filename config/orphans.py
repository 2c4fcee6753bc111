"""Processes that a killed Windhover left running: all of its processes inherit one open file of the state folder."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

INHERITED_FILE = "parts.open"

# Longer than the longest stopwaitsecs in supervisord.conf.
GRACE_SECONDS = 140
REPEAT_SECONDS = 5


def open_inherited_file(folder: Path) -> int:
    """Open the file by which holders() finds this instance; return its descriptor, inheritable."""
    descriptor = os.open(folder / INHERITED_FILE, os.O_RDONLY | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    return descriptor


def holders(folder: Path) -> list[psutil.Process]:
    """Return the processes of this user that hold the inherited file of `folder` open."""
    path = str((folder / INHERITED_FILE).resolve())
    processes = psutil.process_iter(["open_files", "ppid"])
    return [process for process in processes if path in (file.path for file in process.info["open_files"] or ())]


def end_orphans(folder: Path, say: Callable[[str], None]) -> None:
    """Terminate what a killed instance left running, kill it after GRACE_SECONDS, and return when all has ended."""
    orphans = holders(folder)
    if not orphans:
        return
    pids = [process.pid for process in orphans]
    say(f"a killed instance left processes {', '.join(map(str, pids))} running; ending them first")
    deadline = time.monotonic() + GRACE_SECONDS
    ask_at = time.monotonic()
    # psutil.wait_procs() would also wait for zombies, which some containers never reap.
    while remaining := holders(folder):
        if time.monotonic() > deadline:
            send(remaining, signal.SIGKILL)
        elif time.monotonic() >= ask_at:
            # More than once: supervisor's handler, which a part has until it executes its program, loses the signal.
            send(without_parents(remaining), signal.SIGTERM)
            ask_at += REPEAT_SECONDS
        time.sleep(0.2)


def without_parents(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the first process of each part; it stops the others."""
    pids = {process.pid for process in processes}
    return [process for process in processes if process.info["ppid"] not in pids]


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
