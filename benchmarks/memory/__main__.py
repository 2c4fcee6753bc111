"""The benchmark from the command line: `bin/bench memory --help`."""

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

import benchmarks.memory
from benchmarks.options import Parser, whole_number
from simulator import Project, Simulator, World
from tests.running import Windhover, running_windhover, wait_for

# What people look at: each process of web has opened all of it before it is measured.
PAGES = ("/", "/keywords/", "/keywords/1/", "/log/", "/quota/", "/statistics/", "/settings/", "/api/videos/")

# So many pages are opened at the same time.
CLIENTS = 8

# It rests when it has used less than this share of one processor for so many seconds.
RESTS_BELOW, REST_SECONDS = 0.1, 5


@dataclass(frozen=True, slots=True)
class Process:
    """One process: the part that it belongs to, and its memory in MB."""

    part: str
    pss_mb: float
    uss_mb: float


def main() -> None:
    parser = Parser(prog="bin/bench memory", description=benchmarks.memory.__doc__)
    parser.add_argument("--keywords", type=whole_number(1, 1000), default=20, help="added at once (default: 20)")
    parser.add_argument("--pages", type=whole_number(1, 10**6), default=200, help="opened (default: 200)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("bin/bench memory: only Linux says how much memory processes share.")
    results = _measure(options)
    print(json.dumps(results, indent=2) if options.json else _report(options, results))


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    project = Project("one", ["key-one"], searches_per_day=100_000, units_per_day=10_000_000)
    with (
        tempfile.TemporaryDirectory() as folder,
        Simulator(World(), projects=[project]) as simulator,
        running_windhover(
            Path(folder),
            YT_KEYS="one=key-one",
            YOUTUBE_API_URL=simulator.youtube_url,
            YT_SEARCHES_PER_DAY="100000",
            YT_UNITS_PER_DAY="10000000",
            FETCH_INTERVAL="86400",  # so that it rests after the first fetches
            **_numbers(),
        ) as windhover,
    ):
        start_seconds = time.time() - psutil.Process(windhover.process.pid).create_time()
        # What a fetch or a page needs for the first time is not measured.
        _add(windhover, "one that shows when all parts work")
        _wait_for_fetches(windhover, 1)
        _open_pages(windhover, 50)
        fetches = _rates(windhover, options.keywords, lambda: _fetch(windhover, options.keywords))
        pages = _rates(windhover, options.pages, lambda: _open_pages(windhover, options.pages))
        _wait_until_at_rest(windhover)
        processes = list(_processes(windhover))
    return {
        "start_seconds": round(start_seconds, 1),
        "fetches": fetches,
        "pages": pages,
        "pss_mb": round(sum(process.pss_mb for process in processes), 1),
        "processes": [asdict(process) for process in processes],
    }


def _numbers() -> dict[str, Any]:
    """Return the numbers of processes and threads that the environment sets."""
    return {
        name: os.environ[name] for name in ("WEB_PROCESSES", "WEB_THREADS", "WORKER_PROCESSES") if name in os.environ
    }


def _rates(windhover: Windhover, number: int, action: Callable[[], None]) -> dict[str, float]:
    """Return how many a second were done, and the milliseconds of CPU time of each, in all processes."""
    begun, cpu = time.monotonic(), _cpu_seconds(windhover)
    action()
    seconds, cpu = time.monotonic() - begun, _cpu_seconds(windhover) - cpu
    return {"per_second": round(number / seconds, 1), "cpu_ms": round(1000 * cpu / number, 1)}


def _fetch(windhover: Windhover, number: int) -> None:
    """Add `number` keywords at once and wait for their first fetches."""
    _add(windhover, *(f"topic {number}" for number in range(number)))
    _wait_for_fetches(windhover, number + 1)


def _add(windhover: Windhover, *keywords: str) -> None:
    body = json.dumps({"keywords": [{"keyword": keyword} for keyword in keywords]}).encode()
    address = f"{windhover.url}/api/keywords/bulk/"
    with urlopen(Request(address, body, {"Content-Type": "application/json"}), timeout=60):
        pass


def _wait_for_fetches(windhover: Windhover, number: int) -> None:
    def done() -> bool:
        with closing(sqlite3.connect(windhover.state_dir / "windhover.sqlite3", timeout=20)) as database:
            (fetched,) = database.execute("SELECT count(*) FROM videos_videolog WHERE status = 'done'").fetchone()
        return bool(fetched >= number)

    wait_for(done, lambda: f"there are not {number} fetches:\n{windhover.output}")


def _open_pages(windhover: Windhover, number: int) -> None:
    def load(page: str) -> None:
        with urlopen(f"{windhover.url}{page}", timeout=60) as response:
            response.read()

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(load, islice(cycle(PAGES), number)))


def _wait_until_at_rest(windhover: Windhover) -> None:
    wait_for(lambda: _load(windhover) < RESTS_BELOW, lambda: f"it does not rest:\n{windhover.output}")


def _load(windhover: Windhover) -> float:
    """Return which share of one processor all processes use."""
    begun, cpu = time.monotonic(), _cpu_seconds(windhover)
    time.sleep(REST_SECONDS)
    return (_cpu_seconds(windhover) - cpu) / (time.monotonic() - begun)


def _cpu_seconds(windhover: Windhover) -> float:
    all_times = [process.cpu_times() for _, process in _all_processes(windhover)]
    return sum(times.user + times.system for times in all_times)


def _processes(windhover: Windhover) -> Iterator[Process]:
    for part, process in _all_processes(windhover):
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
        kb = {name.rstrip(":"): int(value) for name, value, *_ in map(str.split, lines)}
        yield Process(part, round(kb["Pss"] / 1024, 1), round((kb["Private_Clean"] + kb["Private_Dirty"]) / 1024, 1))


def _all_processes(windhover: Windhover) -> Iterator[tuple[str, psutil.Process]]:
    """Return the supervisor and each part's processes, with the part's name."""
    yield "supervisor", psutil.Process(windhover.process.pid)
    for part, pid in windhover.pids().items():
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            yield part, process


def _report(options: argparse.Namespace, results: dict[str, Any]) -> str:
    lines = [
        f"Until the first page: {results['start_seconds']} s.",
        *(
            f"{number:,} {name}: {results[name]['per_second']} a second, {results[name]['cpu_ms']} ms of CPU time each."
            for name, number in (("fetches", options.keywords), ("pages", options.pages))
        ),
        "",
        f"{'process':<12}{'PSS in MB':>12}{'USS in MB':>12}",
        *(f"{row['part']:<12}{row['pss_mb']:>12.1f}{row['uss_mb']:>12.1f}" for row in results["processes"]),
        f"{'sum':<12}{results['pss_mb']:>12.1f}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
