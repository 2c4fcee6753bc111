"""The benchmark from the command line: `bin/bench api --help`."""

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

import benchmarks.api
from benchmarks.api import kept
from benchmarks.cluster import PostgreSQLMissing
from benchmarks.options import Parser, whole_number
from config import environment as env

SIDES: Final = ("ours", "floor", "naive")
# What is measured over HTTP, too.
SERVED: Final = ["page_1", "page_1_of_100", "page_40000", "cursor", "search_common", "feed_keyword"]


def main() -> None:
    parser = Parser(prog="bin/bench api", description=benchmarks.api.__doc__)
    parser.add_argument(
        "--database",
        default="sqlite",
        metavar="DATABASE",
        help="sqlite (default), postgresql (a server of its own), or the URL of an empty PostgreSQL database",
    )
    parser.add_argument(
        "--videos", type=whole_number(300, 10**7), default=10**6, help="number of videos (default: 1000000)"
    )
    parser.add_argument(
        "--rounds", type=whole_number(1, 1000), default=30, help="how often each is measured, at most (default: 30)"
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="NAMES",
        help="measure only what begins with one of these names, divided by commas: store,export",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.database not in ("sqlite", "postgresql") and "://" not in options.database:
        parser.error("argument --database: must be sqlite, postgresql or a URL")
    # Ends what was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with kept.database(options.database, options.videos, env.path("STATE_DIR", env.BASE_DIR / "var")):
            results, wrong = _measure(options.rounds, tuple(options.only.split(",")))
    except (kept.NotUsable, PostgreSQLMissing) as error:
        sys.exit(f"bin/bench api: {error}.")
    if not results:
        parser.error(f"argument --only: nothing is named {options.only!r}")
    print(json.dumps(results, indent=2) if options.json else _report(options, results))
    if wrong:
        sys.exit("\n".join(wrong))


def _measure(rounds: int, only: tuple[str, ...]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return what was measured of each case whose name begins so, and which sides give wrong answers."""
    # Models can be imported only after the set-up.
    from benchmarks.api import load, measuring, storing
    from benchmarks.api.cases import cases

    results, served, wrong = dict[str, dict[str, Any]](), dict[str, dict[str, str]](), list[str]()
    chosen = [case for case in cases().values() if case.name.startswith(only)]
    peaks = {case.name: measuring.peaks_of(case) for case in chosen if case.exported}
    for case in map(measuring.resolve, chosen):
        with case.clock():
            addresses, problems = measuring.sides_of(case)
            figures = measuring.measure(case, addresses, rounds)
        results[case.name] = asdict(replace(figures, peak_mb=peaks.get(case.name)))
        wrong += problems
        if case.name in SERVED:
            served[case.name] = addresses
    results |= {name: asdict(figures) for name, figures in storing.measure(rounds, only).items()}
    if not served:
        return results, wrong
    with load.Server() as server:
        for name, addresses in served.items():
            measured = load.measure(server, addresses, rounds)
            results[name]["http"] = {side: asdict(figures) for side, figures in measured.items()}
            results[name]["rss_mb"] = server.rss_mb()
    return results, wrong


def _report(options: argparse.Namespace, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables."""
    lines = [
        f"{options.videos:,} videos, half of them matched by one keyword; {options.database.partition(':')[0]}.",
        "Medians in ms, without the network; of 1,000 videos for what is stored or exported.",
        "",
        f"{'':<36}{'ours':>10}{'floor':>10}{'naive':>10}{'ours/floor':>12}{'naive/ours':>12}{'queries':>9}"
        f"{'loop':>10}{'loop/ours':>12}",
    ]
    for name, figures in results.items():
        ours, floor, naive = (figures[f"{side}_ms"] for side in SIDES)
        times = "".join(f"{_number(time):>10}" for time in (ours, floor, naive))
        ratios = f"{_ratio(ours, floor):>12}{_ratio(naive, ours):>12}{_number(figures['queries']):>9}"
        if loop := figures["loop_ms"]:
            ratios += f"{_number(loop):>10}{_ratio(loop, ours):>12}"
        lines.append(f"{name:<36}{times}{ratios}")
    lines += [
        "",
        "Exports: rows a second, and the memory that they need at most.",
        "",
        f"{'':<36}{'rows/s':>12}{'MB':>10}",
    ]
    for name, figures in results.items():
        for side, peak in (figures["peak_mb"] or {}).items():
            if milliseconds := figures[f"{side}_ms"]:
                lines.append(f"{f'{name}, {side}':<36}{10**6 / milliseconds:>12,.0f}{peak:>10.1f}")
    lines += [
        "",
        "Over HTTP, four clients at once. RSS is that of the web server's processes.",
        "",
        f"{'':<36}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'RSS MB':>8}",
    ]
    for name, figures in results.items():
        for side, served in figures.get("http", {}).items():
            shown = f"{served['requests_per_second']:>12.1f}{served['p50_ms']:>10.2f}{served['p99_ms']:>10.2f}"
            lines.append(f"{f'{name}, {side}':<36}{shown}{figures['rss_mb']:>8.0f}")
    return "\n".join(lines)


def _number(number: float | None) -> str:
    return "-" if number is None else f"{number:,.0f}" if number >= 100 or isinstance(number, int) else f"{number:.2f}"


def _ratio(dividend: float | None, divisor: float | None) -> str:
    return f"{dividend / divisor:.2f}" if dividend and divisor else "-"


if __name__ == "__main__":
    main()
