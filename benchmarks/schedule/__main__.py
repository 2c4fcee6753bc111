"""The benchmark from the command line: `bin/bench schedule --help`."""

import argparse
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread
from typing import Any

import benchmarks.schedule
from benchmarks.options import Parser, whole_number
from benchmarks.system import running_system

# So many requests to add a keyword at the same time.
CLIENTS = 4

# Due dates are read this often, in seconds: each is kept for some seconds at least.
READ_EVERY = 0.2

Dates = dict[int, list[float]]


def main() -> None:
    parser = Parser(prog="bin/bench schedule", description=benchmarks.schedule.__doc__)
    parser.add_argument(
        "--keywords", type=whole_number(2, 10_000), default=300, help="how many are added at once (default: 300)"
    )
    parser.add_argument(
        "--seconds", type=whole_number(1, 3600), default=120, help="how long fetches are measured then (default: 120)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    results = _measure(options)
    print(json.dumps(results, indent=2) if options.json else _report(options, results))


def _measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return how many seconds after their due dates fetches began: first ones and later ones."""
    # A thousand projects' searches: each keyword is automatic, and fetched every few minutes.
    with running_system(per_day=100_000) as system:
        database = system.windhover.state_dir / "windhover.sqlite3"
        with _due_dates(database) as due:
            begun = time.monotonic()
            with ThreadPoolExecutor(CLIENTS) as clients:
                list(clients.map(lambda number: system.add(f"topic {number}"), range(options.keywords)))
            added = time.monotonic() - begun
            time.sleep(options.seconds)
        late = _late(database, due)
    return {"adding": {"seconds": added}} | {name: _summary(seconds) for name, seconds in late.items()}


@contextmanager
def _due_dates(database: Path) -> Iterator[Dates]:
    """Collect the different due dates of each keyword while the block runs."""
    found: Dates = defaultdict(list)
    over = Event()

    def read() -> None:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
            while not over.wait(READ_EVERY):
                for keyword, date in connection.execute("SELECT id, next_due_at FROM videos_keywordentry"):
                    if date and (due := _seconds(date)) not in found[keyword][-1:]:
                        found[keyword].append(due)

    thread = Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _late(database: Path, due: Dates) -> dict[str, list[float]]:
    """Return how late each fetch began after the last due date before it."""
    late: dict[str, list[float]] = {"first": [], "later": []}
    with closing(sqlite3.connect(database)) as connection:
        logs: Iterable[Any] = connection.execute(
            "SELECT keyword_id, trigger, created_at FROM videos_videolog WHERE keyword_text LIKE 'topic %'"
        )
        for keyword, trigger, date in logs:
            began = _seconds(date)
            # Beat may send a second early.
            if before := [moment for moment in due[keyword] if moment <= began + 1]:
                late["first" if trigger == "first" else "later"].append(max(0.0, began - max(before)))
    return late


def _seconds(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


def _summary(seconds: list[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {"fetches": len(seconds)}
    parts = quantiles(seconds, n=20, method="inclusive")
    return {"fetches": len(seconds), "median": parts[9], "p95": parts[18], "most": max(seconds)}


def _report(options: argparse.Namespace, results: dict[str, dict[str, float]]) -> str:
    lines = [
        f"{options.keywords:,} keywords were added in {results['adding']['seconds']:.1f} s.",
        "Seconds from when a fetch was due until it began:",
        "",
        f"{'':<8}{'fetches':>9}{'median':>9}{'p95':>9}{'most':>9}",
    ]
    for name in ("first", "later"):
        row = results[name]
        figures = "".join(f"{row[part]:>9.2f}" for part in ("median", "p95", "most") if part in row)
        lines.append(f"{name:<8}{row['fetches']:>9,}{figures}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
