"""The benchmark from the command line: `bin/bench memory --help`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import psutil

import benchmarks.memory
from benchmarks.cluster import PostgreSQLMissing, running_cluster
from benchmarks.options import Parser, whole_number
from benchmarks.system import System, running_system
from tests.running import Windhover, wait_for

# What people look at: each process of web has opened all of it before it is measured.
PAGES = ("/", "/keywords/", "/keywords/1/", "/log/", "/quota/", "/statistics/", "/settings/", "/api/videos/")

# So many pages are opened at the same time.
CLIENTS = 8

# Seconds after which YouTube answers a call.
ANSWER_SECONDS = 0.25

# It rests when it has used less than this share of one processor for so many seconds.
RESTS_BELOW, REST_SECONDS = 0.1, 5

# What --compare compares: numbers of web's processes, and as many of the worker.
PROCESSES: Final = (1, 2, 4, 8)
DATABASES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Process:
    """One process: the part that it belongs to, and its memory in MB."""

    part: str
    pss_mb: float
    uss_mb: float


def main() -> None:
    parser = Parser(prog="bin/bench memory", description=benchmarks.memory.__doc__)
    parser.add_argument("--keywords", type=whole_number(1, 1000), help="added at once (default: 20, with --compare 60)")
    parser.add_argument("--pages", type=whole_number(1, 10**6), default=200, help="opened (default: 200)")
    parser.add_argument(
        "--seconds", type=whole_number(1, 3600), default=20, help="how long fetches are counted (default: 20)"
    )
    parser.add_argument(
        "--compare", action="store_true", help="compare 1, 2, 4 and 8 processes of web and worker, on both databases"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    options.keywords = options.keywords or (60 if options.compare else 20)  # enough to keep 8 processes busy
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("bin/bench memory: only Linux says how much memory processes share.")
    try:
        results, report = (_compare(options), _comparison) if options.compare else (_measure(options), _report)
    except PostgreSQLMissing as error:
        sys.exit(f"bin/bench memory: {error}.")
    print(json.dumps(results, indent=2) if options.json else report(options, results))


def _compare(options: argparse.Namespace) -> dict[str, Any]:
    """Return the results by database and number of processes."""
    return {database: {number: _compared(options, database, number) for number in PROCESSES} for database in DATABASES}


def _compared(options: argparse.Namespace, database: str, number: int) -> dict[str, Any]:
    processes = {"WEB_PROCESSES": str(number), "WORKER_PROCESSES": str(number)}
    with ExitStack() as stack:
        if database == "postgresql":
            processes["DATABASE_URL"] = stack.enter_context(running_cluster()).url
        return _measure(options, **processes)


def _measure(options: argparse.Namespace, **environment: str) -> dict[str, Any]:
    numbers = ("WEB_PROCESSES", "WEB_THREADS", "WORKER_PROCESSES")
    given = {name: os.environ[name] for name in numbers if name in os.environ}
    with running_system(
        per_day=10**8,
        answer_seconds=ANSWER_SECONDS,
        FETCH_INTERVAL="86400",  # so that it rests after the first fetches
        SHARE_SEARCHES="off",
        **(given | environment),
    ) as system:
        windhover = system.windhover
        start_seconds = time.time() - psutil.Process(windhover.process.pid).create_time()
        _open_pages(windhover, 50)  # what a page needs for the first time is not measured
        keywords = system.add(*(f"topic {number}" for number in range(options.keywords)))
        system.wait_for_fetches(options.keywords + 1)
        pages = _rates(windhover, lambda: _open_pages(windhover, options.pages))
        _wait_until_at_rest(windhover)
        processes = list(_processes(windhover))
        fetches = _fetch_all_the_time(system, keywords, options.seconds)
    return {
        "start_seconds": round(start_seconds, 1),
        "fetches": fetches,
        "pages": pages,
        "pss_mb": round(sum(process.pss_mb for process in processes), 1),
        "processes": [asdict(process) for process in processes],
    }


def _fetch_all_the_time(system: System, keywords: list[int], seconds: int) -> dict[str, float]:
    """Let all keywords be due each second, and count their fetches."""
    for keyword in keywords:
        system.request("PATCH", f"/api/keywords/{keyword}/", {"interval": 1})
    fetched = system.searches
    wait_for(
        lambda: system.searches >= fetched + 2 * len(keywords), lambda: f"it does not fetch:\n{system.windhover.output}"
    )
    return _rates(system.windhover, lambda: _count_fetches(system, seconds))


def _count_fetches(system: System, seconds: int) -> int:
    before = system.searches
    time.sleep(seconds)
    return system.searches - before


def _rates(windhover: Windhover, action: Callable[[], int]) -> dict[str, float]:
    """Return how many a second `action` did, and the milliseconds of CPU time of each, in all processes.

    It returns how many it did.
    """
    begun, cpu = time.monotonic(), _cpu_seconds(windhover)
    number = action()
    seconds, cpu = time.monotonic() - begun, _cpu_seconds(windhover) - cpu
    return {"per_second": round(number / seconds, 1), "cpu_ms": round(1000 * cpu / max(number, 1), 1)}


def _open_pages(windhover: Windhover, number: int) -> int:
    def load(page: str) -> None:
        with urlopen(f"{windhover.url}{page}", timeout=60) as response:
            response.read()

    with ThreadPoolExecutor(CLIENTS) as clients:
        return len(list(clients.map(load, islice(cycle(PAGES), number))))


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
            f"{name}: {results[name]['per_second']} a second, {results[name]['cpu_ms']} ms of CPU time each."
            for name in ("fetches", "pages")
        ),
        "",
        f"{'process':<12}{'PSS in MB':>12}{'USS in MB':>12}",
        *(f"{row['part']:<12}{row['pss_mb']:>12.1f}{row['uss_mb']:>12.1f}" for row in results["processes"]),
        f"{'sum':<12}{results['pss_mb']:>12.1f}",
    ]
    return "\n".join(lines)


def _comparison(options: argparse.Namespace, results: dict[str, Any]) -> str:
    columns = f"{'fetches/s':>12}{'CPU ms':>9}{'pages/s':>10}{'CPU ms':>9}{'PSS in MB':>12}"
    lines = [
        f"YouTube answers after {ANSWER_SECONDS} s; {os.cpu_count()} processors, which also run the simulator.",
    ]
    for database, name in DATABASES.items():
        lines += ["", name, f"{'processes':<10}{columns}"]
        for number, row in results[database].items():
            fetches, pages = row["fetches"], row["pages"]
            lines.append(
                f"{number:<10}{fetches['per_second']:>12}{fetches['cpu_ms']:>9}{pages['per_second']:>10}"
                f"{pages['cpu_ms']:>9}{row['pss_mb']:>12}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
