"""The benchmark from the command line: `bin/bench pages --help`. It uses the database of bin/bench api."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import benchmarks.pages
from benchmarks.api import kept
from benchmarks.cluster import PostgreSQLMissing
from benchmarks.options import Parser, whole_number
from config import environment as env

COLUMNS: Final = ("ms", "cpu_ms", "queries", "kb", "gzip_kb", "unchanged_ms", "unchanged_bytes")


def main() -> None:
    parser = Parser(prog="bin/bench pages", description=benchmarks.pages.__doc__)
    parser.add_argument("--database", default="sqlite", metavar="DATABASE", help="sqlite (default) or postgresql")
    parser.add_argument(
        "--videos", type=whole_number(300, 10**7), default=10**6, help="number of videos (default: 1000000)"
    )
    parser.add_argument(
        "--keywords", type=whole_number(1, 10**5), default=10**4, help="keywords to add (default: 10000)"
    )
    parser.add_argument("--rounds", type=whole_number(1, 1000), default=10, help="how often (default: 10)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.database not in ("sqlite", "postgresql"):
        parser.error("argument --database: must be sqlite or postgresql")
    try:
        with kept.database(options.database, options.videos, env.path("STATE_DIR", env.BASE_DIR / "var")):
            # Models can be imported only after the set-up.
            from benchmarks.pages.measuring import measure
            from config.prepare import collect_static_files

            collect_static_files()
            results = {name: asdict(figures) for name, figures in measure(options.keywords, options.rounds).items()}
    except (kept.NotUsable, PostgreSQLMissing) as error:
        sys.exit(f"bin/bench pages: {error}.")
    print(json.dumps(results, indent=2) if options.json else _report(options, results))


def _report(options: argparse.Namespace, results: Mapping[str, Mapping[str, float | None]]) -> str:
    lines = [
        f"{options.videos:,} videos, {options.keywords:,} keywords; {options.database}. Medians of the server alone.",
        "Unchanged: what an open page gets each time it asks while nothing changes.",
        "",
        f"{'':<28}{'ms':>9}{'CPU ms':>9}{'queries':>9}{'KB':>9}{'gzip KB':>9}{'unchanged ms':>14}{'bytes':>7}",
    ]
    for name, figures in results.items():
        ms, cpu, queries, kb, gzip, unchanged, size = ("-" if (n := figures[c]) is None else n for c in COLUMNS)
        lines.append(f"{name:<28}{ms:>9}{cpu:>9}{queries:>9}{kb:>9}{gzip:>9}{unchanged:>14}{size:>7}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
