"""The benchmark from the command line: `bin/bench days --help`."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import benchmarks.days
from benchmarks import own_django
from benchmarks.days.verdict import MOST_DAYS_OLD, age, memory, messages, size
from benchmarks.days.youtube import running_youtube
from benchmarks.options import Parser, whole_number
from benchmarks.quota.setting import Setting

if TYPE_CHECKING:
    from benchmarks.days.life import Day, Life

# Midnight in California; one of the first 40 days has 25 hours.
START: Final = datetime(2026, 10, 5, tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)


def main() -> None:
    parser = Parser(prog="bin/bench days", description=benchmarks.days.__doc__)
    parser.add_argument("--days", type=whole_number(2, 400), default=7, help="days to simulate (default: 7)")
    parser.add_argument("--keywords", type=whole_number(1, 1000), default=200, help="keywords (default: 200)")
    parser.add_argument("--videos", type=whole_number(1, 10**5), default=2000, help="videos per day (default: 2000)")
    parser.add_argument(
        "--keys", type=whole_number(1, 100), default=2, help="keys, each of its own project (default: 2)"
    )
    parser.add_argument("--seed", type=whole_number(0, 2**31), default=1, help="which simulated days (default: 1)")
    options = parser.parse_args()
    setting = Setting(options.seed, options.keywords, options.videos, options.keys)
    keys = ",".join(f"{project}={key}" for project, key in setting.projects.items())
    with (
        TemporaryDirectory(prefix="windhover-bench-") as folder,
        running_youtube(setting.seed, setting.rates, setting.projects, START) as youtube,
    ):
        own_django.set_up(Path(folder), YT_KEYS=keys)
        # Models can be imported only after the set-up.
        from benchmarks.days.life import begin

        with begin(youtube, list(setting.rates), setting.seed, options.days, START) as life:
            sys.exit(_report(life))


def _report(life: "Life") -> int:
    """Let the days pass, print each and what is wrong in the end; return the exit code."""
    print(
        f"{'day':>3}{'searches':>10}{'new':>8}{'videos':>9}{'logs':>9}{'memory':>9}{'database':>10}{'oldest':>8}  fault"
    )
    days: list[Day] = []
    for day in life.live():
        days.append(day)
        print(
            f"{day.number:>3}{day.searches:>10,}{day.new_videos:>8,}{day.videos:>9,}{day.logs:>9,}"
            f"{day.memory / 1e6:>6.0f} MB{day.size / 1e6:>7.1f} MB{day.oldest_data:>8.1f}  {day.fault}",
            flush=True,
        )
    deleted = life.deleted_videos(timedelta(days=MOST_DAYS_OLD))
    problems = [*memory(days), *size(days[-1], life.sizes()), *age(days, *deleted), *messages(life.lines, life.cause)]
    print("\n".join(["", *problems] if problems else ["", "All is as expected."]))
    return 1 if problems else 0


if __name__ == "__main__":
    main()
