"""The benchmark from the command line: `bin/bench attribution --help`."""

import json
import tempfile
from pathlib import Path

import benchmarks.attribution
from benchmarks import own_django
from benchmarks.options import Parser, whole_number


def main() -> None:
    parser = Parser(prog="bin/bench attribution", description=benchmarks.attribution.__doc__)
    parser.add_argument(
        "--videos", type=whole_number(1, 10**6), default=20_000, help="number of videos (default: 20000)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own_django.configure(Path(folder))
        # Models can be imported only after the set-up.
        from benchmarks.attribution.measuring import WATCHED, measure

        results = measure(options.videos)
    if options.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{options.videos} videos, {len(WATCHED)} keywords, {results.pop('matches')} matches; processor time\n")
    for side, seconds in results.items():
        print(f"  {side.replace('_', ' '):<12} {seconds:8.2f} s")


if __name__ == "__main__":
    main()
