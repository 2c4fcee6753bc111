"""A storm of writes: the worker's four processes, beat, and people who all write to the same SQLite file at once."""

import random
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException
from itertools import count

from benchmarks.faults.system import System

# Clients that star videos, and add and delete keywords, without a pause.
CLIENTS = 4

# What is written by a worker, by people and by beat.
_TABLES = ("videos_video", "videos_match", "videos_videolog", "videos_keywordentry")
_LOCKED = "database is locked"


@dataclass(frozen=True)
class Storm:
    """How many rows were added per second, and requests of people answered; what failed."""

    rows: float
    requests: float
    refused: int
    locked: list[str]


def blow(system: System, seed: int, seconds: float) -> Storm:
    """Write as fast as possible for so many seconds."""
    over, answered, refused = threading.Event(), count(), count()

    def client(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        for turn in count():
            if over.is_set():
                return
            try:
                system.star(chance)
                pk = system.watch(f"storm {number} {turn}", state="paused")
                system.request("DELETE", f"/api/keywords/{pk}/")
            except (OSError, HTTPException):
                next(refused)
            else:
                next(answered)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    before = _rows(system)
    for thread in clients:
        thread.start()
    time.sleep(seconds)
    over.set()
    for thread in clients:
        thread.join()
    locked = [line for line in system.windhover.output.splitlines() if _LOCKED in line]
    return Storm((_rows(system) - before) / seconds, 3 * next(answered) / seconds, next(refused), locked)


def _rows(system: System) -> int:
    """Return how many rows there ever were in the tables that grow."""
    newest = " + ".join(f"(SELECT coalesce(max(rowid), 0) FROM {table})" for table in _TABLES)
    ((number,),) = system.rows(f"SELECT {newest}")
    return int(number)
