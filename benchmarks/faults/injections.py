"""The faults. Each is injected, lasts a while, and is over when its function returns."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from benchmarks.faults.system import System
from benchmarks.faults.youtube import SEARCH

# Seconds that a source fails.
SOURCE_SECONDS = 20


@dataclass(frozen=True)
class Fault:
    """`inject` returns how often the fault happened. `about` says what happens."""

    name: str
    about: str
    inject: Callable[[System, random.Random], int]


FAULTS: dict[str, Fault] = {}

Inject = Callable[[System, random.Random], int]


def _fault(name: str) -> Callable[[Inject], Inject]:
    def register(inject: Inject) -> Inject:
        FAULTS[name] = Fault(name, (inject.__doc__ or "").splitlines()[0], inject)
        return inject

    return register


@_fault("kill-worker")
def kill_worker(system: System, chance: random.Random) -> int:
    """the worker and its children are killed while a search is answered"""
    with system.youtube.holding(SEARCH):
        return _kill(*system.processes("worker"))


@_fault("kill-broker")
def kill_broker(system: System, chance: random.Random) -> int:
    """the broker is killed, with all messages"""
    return _kill(*system.processes("broker"))


def _source_fault(kind: str, about: str) -> None:
    def inject(system: System, chance: random.Random) -> int:
        before = _served(system, kind)
        system.youtube.faults.add("youtube", kind, times=None)
        time.sleep(SOURCE_SECONDS)
        system.youtube.faults.clear("youtube")
        return _served(system, kind) - before

    inject.__doc__ = f"for {SOURCE_SECONDS} s, each response of YouTube is {about}"
    _fault(f"source-{kind}")(inject)


def _served(system: System, kind: str) -> int:
    return system.youtube.faults.served()["youtube"].get(kind, 0)


for _kind, _about in {"status_500": "a 500"}.items():
    _source_fault(_kind, _about)


def _kill(*processes: psutil.Process) -> int:
    """Kill these processes; return 1 if there was one."""
    number = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
            number = 1
    return number
