"""The benchmark from the command line: `bin/bench quota --help`."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import benchmarks.quota
from benchmarks.options import Parser, whole_number
from benchmarks.quota import comparison
from benchmarks.quota.figures import Figures
from benchmarks.quota.setting import Setting

CHART: Final = Path("var/bench/quota.png")
# More keywords or videos would need more searches per day than a key has.
KEYWORDS_PER_KEY: Final = 100
VIDEOS_PER_KEY: Final = 2000

TITLES: Final = {
    "burst": "(a) every 10 s until the limit",
    "even": "(b) the same for each keyword",
    "single": "(c) Windhover, each keyword alone",
    "optimum": "(d) the optimum of single searches",
    "windhover": "(e) Windhover, searches shared",
}


def main() -> None:
    options = _options()
    setting = Setting(
        options.seed,
        options.keywords,
        options.videos,
        options.keys,
        options.days,
        options.days_before,
        options.or_recall,
        options.or_words,
    )
    results = comparison.run(setting)
    if options.json:
        print(json.dumps({name: figures.as_dict() for name, figures in results.items()}, indent=2))
    else:
        print(_report(setting, results))
    if chart := options.chart:
        # Imported here: it takes a second.
        from benchmarks.quota.chart import draw

        draw(setting, results, chart)
        if not options.json:
            print(f"The chart is in {chart}.")


def _report(setting: Setting, results: Mapping[str, Figures]) -> str:
    """Return the table, with the setting above and a summary below."""
    windhover, single, optimum = results["windhover"], results["single"], results["optimum"]
    lines = [
        f"Seed {setting.seed}: {_count(setting.keywords, 'keyword')}, {_count(windhover.shown, 'video')} published and"
        f" shown in {_count(setting.days, 'day')} after {_count(setting.days_before, 'day')},"
        f" {_count(setting.keys, 'key')}, {_count(windhover.usable, 'usable search', 'es')} a day.",
        "",
        f"{'':<38}  searches    found  missed      mean    median       p95",
    ]
    for name, figures in results.items():
        delays = "".join(f"{_minutes(delay):>10}" for delay in (figures.mean, figures.median, figures.p95))
        lines.append(f"{TITLES[name]:<38}{figures.searches:>10}{figures.found:>9.1%}{figures.missed:>8}{delays}")
    lines += [
        "",
        "Delays count from when YouTube first showed a video until it was found, or until the end. Missed are those",
        "that a later search for their keyword should have found. Searches are those of the busiest day.",
    ]
    if windhover.mean and single.mean and optimum.mean:
        lines.append(f"Alone, Windhover's mean delay is {single.mean / optimum.mean:.2f} times the optimum's;")
        lines.append(f"with shared searches it is {windhover.mean / single.mean:.2f} times that.")
    return "\n".join(lines)


def _minutes(delay: float | None) -> str:
    return "-" if delay is None else f"{delay:.1f} min"


def _count(number: int, what: str, plural: str = "s") -> str:
    return f"{number:,} {what}{'' if number == 1 else plural}"


def _options() -> argparse.Namespace:
    parser = Parser(prog="bin/bench quota", description=benchmarks.quota.__doc__)
    parser.add_argument("--seed", type=whole_number(0, 2**31), default=1, help="which simulated day (default: 1)")
    parser.add_argument("--keywords", type=whole_number(1, 1000), default=20, help="number of keywords (default: 20)")
    parser.add_argument(
        "--videos",
        type=whole_number(1, 100_000),
        default=1000,
        help="approximate number of matching videos (default: 1000)",
    )
    parser.add_argument(
        "--keys", type=whole_number(1, 100), default=1, help="number of keys, each of its own project (default: 1)"
    )
    parser.add_argument("--days", type=whole_number(1, 30), default=2, help="days that are measured (default: 2)")
    parser.add_argument(
        "--days-before", type=whole_number(1, 30), default=1, help="days before those that are measured (default: 1)"
    )
    parser.add_argument("--or-recall", type=float, default=1.0, help="share of its videos that a|b finds (default: 1)")
    parser.add_argument(
        "--or-words", choices=("work", "broken"), default="work", help="how a|b works if a has several words"
    )
    parser.add_argument("--json", action="store_true", help="print JSON; draw the chart only with --chart")
    parser.add_argument("--chart", type=_chart, help=f"file of the chart, .png or .svg (default: {CHART})")
    options = parser.parse_args()
    for name, most in (("keywords", KEYWORDS_PER_KEY), ("videos", VIDEOS_PER_KEY)):
        if getattr(options, name) > most * options.keys:
            parser.error(f"--{name} can be at most {most} for each key")
    if options.chart is None and not options.json:
        options.chart = _chart(CHART)
    return options


def _chart(path: str | Path) -> Path:
    """Return the path after creating its folder, so that a wrong path fails before the simulation."""
    chart = Path(path)
    if chart.suffix not in (".png", ".svg"):
        raise argparse.ArgumentTypeError(f"{path} is neither a .png nor a .svg")
    try:
        chart.parent.mkdir(parents=True, exist_ok=True)
        chart.touch()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be written ({error.strerror})") from None
    return chart


if __name__ == "__main__":
    main()
