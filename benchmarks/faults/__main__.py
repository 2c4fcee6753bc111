"""The benchmark from the command line: `bin/bench faults --help`."""

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import benchmarks.faults
from benchmarks.faults.injections import CLOCK, FAULTS, MIXED, mix, possible
from benchmarks.faults.storm import blow
from benchmarks.faults.system import OFTEN, RATES, System, running_system
from benchmarks.faults.verdict import Judge, Verdict, come_to_rest, recover
from benchmarks.options import Parser, whole_number


@dataclass(frozen=True)
class Row:
    """What a fault did, and after how many seconds all worked again."""

    fault: str
    injected: int
    verdict: Verdict
    seconds: float | None


def main() -> None:
    parser = Parser(prog="bin/bench faults", description=benchmarks.faults.__doc__)
    parser.add_argument("--seed", type=whole_number(0, 10**9), default=1, help="decides order and moments (default: 1)")
    parser.add_argument(
        "--only", action="append", choices=[*sorted(FAULTS), MIXED], metavar="NAME", help="inject only this fault"
    )
    parser.add_argument(
        "--seconds",
        type=whole_number(1, 10**6),
        help="how long faults are mixed at the end (default: 180)",
    )
    parser.add_argument(
        "--storm", action="store_true", help="instead of faults, as many writers as possible; 60 s, or --seconds"
    )
    parser.add_argument("--list", action="store_true", help="list the faults")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:<24}{inject.__doc__}" for name, inject in FAULTS.items()))
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        running_system(Path(folder), options.seed, is_storm=options.storm) as system,
    ):
        sys.exit((_storm if options.storm else _run)(options, system))


def _run(options: argparse.Namespace, system: System) -> int:
    """Inject the faults and print the table; return the exit code."""
    chance, judge = random.Random(options.seed), Judge(system)
    if not system.own_disk:
        print("This user may not mount a disk: files cannot grow instead of a full one.")
    if not system.clock:
        print("Skipped: the faults of clocks, which need a C compiler (cc).")
    print(f"\n{'fault':<24}{'injected':>9}{'lost':>6}{'doubled':>9}{'stuck':>7}{'seconds to recover':>20}", flush=True)
    seconds, stuck = recover(system, tuple(RATES))
    rows = [_show(Row("none", 0, judge.judge(stuck), seconds))]
    names = possible(system)
    for name in options.only or [*chance.sample(names, len(names)), MIXED]:
        if name == MIXED:
            injected = mix(system, chance, options.seconds or 180)
        else:
            system.fetch_now(chance.choice(system.keywords))
            injected = FAULTS[name](system, chance)
        # After a wrong clock, only the next search for a keyword says which videos YouTube showed to its last one.
        is_of_clock = name.startswith(CLOCK)
        keywords = tuple(RATES) if is_of_clock or name == MIXED else OFTEN
        seconds, stuck = recover(system, keywords, helped=not is_of_clock)
        rows.append(_show(Row(name, injected, judge.judge(stuck), seconds)))
    seconds, stuck = recover(system, tuple(RATES))
    stuck += come_to_rest(system)
    rows.append(_show(Row("the end, all keywords", 0, judge.judge(stuck), seconds)))
    problems = [f"{row.fault}: {sentence}" for row in rows for sentence in row.verdict.sentences]
    problems += [f"{row.fault}: was not injected" for row in rows[1:-1] if not row.injected]
    print("\n".join(["", *problems] if problems else ["", "Nothing is lost, doubled or stuck."]))
    return 1 if problems else 0


def _storm(options: argparse.Namespace, system: System) -> int:
    """Write as much as possible and print how much that was; return the exit code."""
    judge = Judge(system)
    recover(system, tuple(RATES))
    seconds = options.seconds or 60
    storm = blow(system, options.seed, seconds)
    _, stuck = recover(system, tuple(RATES))
    stuck += come_to_rest(system)
    problems = [*judge.judge(stuck).sentences, *storm.locked]
    if storm.refused:
        problems.append(f"{storm.refused} requests were not answered, or by an error")
    speed = f"{storm.rows:,.0f} new rows and {storm.requests:,.0f} requests per second"
    print(f"{seconds} s: {speed}.")
    print("\n".join(problems or ["Nothing is lost, doubled or stuck, and no writer waited too long for the database."]))
    return 1 if problems else 0


def _show(row: Row) -> Row:
    verdict, seconds = row.verdict, "" if row.seconds is None else f"{row.seconds:.1f}"
    numbers = f"{len(verdict.lost):>6}{len(verdict.doubled):>9}{len(verdict.stuck):>7}"
    print(f"{row.fault:<24}{row.injected:>9}{numbers}{seconds:>20}", flush=True)
    return row


if __name__ == "__main__":
    main()
