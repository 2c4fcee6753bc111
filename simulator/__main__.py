"""The simulator from the command line: `python -m simulator --help`."""

import argparse
import logging
import os
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

from simulator.clock import Clock
from simulator.faults import KINDS
from simulator.projects import Project
from simulator.server import Simulator
from simulator.state_file import StateFile
from simulator.world import World

_DESCRIPTION = """\
Serve a YouTube Data API v3 and an Invidious on this machine, with simulated videos.

  /youtube/v3/search  videos  playlistItems  channels    the Data API, with quota, keys and refusals
  /api/v1/search  stats  videos/<id>                     Invidious
  /vi/<id>/hqdefault.jpg                                 thumbnails (SVG)
"""

_EPILOG = """\
control requests (JSON):
  GET  /_control/stats    requests by endpoint, faults served, used quota and key results per project
  GET  /_control/clock
  POST /_control/clock    {"advance": 3600}  {"now": "2026-11-22T08:00:00Z"}  {"frozen": true}
  POST /_control/keys     {"project": "demo", "label": "key-1", "state": "expired", "searches_per_day": 100}
                          states: valid, invalid, expired, service_blocked, not_enabled, ip_blocked, suspended
  POST /_control/publish  {"topic": "python", "title": "...", "description": "...", "video_id": "...",
                          "published_at": "...", "indexed_at": "...", "channel_title": "...", "duration": 90}
  POST /_control/delete   {"video_id": "..."}
  POST /_control/faults   {"source": "youtube", "kind": "status_503", "times": 3}  {"clear": true}
                          times null = until cleared; kinds are listed below

example:
  python -m simulator --port 9000 --seed 1 --key demo=demo-key &
  curl 'http://127.0.0.1:9000/youtube/v3/search?part=snippet&q=python&type=video&order=date&key=demo-key'
  curl 'http://127.0.0.1:9000/api/v1/search?q=python&type=video'
  curl -d '{"advance": 86400}' http://127.0.0.1:9000/_control/clock

SIMULATOR_KEYS=project=key,project=key sets keys without showing them on the command line.
"""


def main() -> int:
    """Serve until SIGTERM or SIGINT; return 2 if the port is in use or the options are invalid."""
    options = _parser().parse_args()
    logging.basicConfig(
        level=logging.INFO if options.log else logging.WARNING,
        format="%(asctime)s %(message)s",
        stream=sys.stderr,
    )
    clock = Clock(options.now, frozen=options.frozen)
    try:
        state = StateFile(options.remember, clock.now()) if options.remember else None
        simulator = Simulator(
            World(
                seed=options.seed,
                rate=options.rate,
                rates=dict(options.topic_rate),
                history=timedelta(days=options.history_days),
                started_at=state.started_at if state else clock.now(),
                index_delay=options.index_delay,
                rhythm=options.rhythm,
                or_recall=options.or_recall,
                or_words=options.or_words,
                or_limit=options.or_limit,
                topics=state.topics if state else (),
                on_new_topic=state.add_topic if state else None,
            ),
            projects=_projects(options),
            clock=clock,
            host=options.host,
            port=options.port,
            public_url=options.public_url,
            relative_thumbnails=options.relative_thumbnails,
            parse_errors=options.parse_errors,
        ).start()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"The simulator cannot listen on {options.host}:{options.port}: {error.strerror}.",
            file=sys.stderr,
        )
        return 2
    stopped = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stopped.set())
    print(f"The simulator listens on {simulator.url} (YouTube Data API and Invidious).", flush=True)
    stopped.wait()
    simulator.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m simulator",
        description=_DESCRIPTION,
        epilog=_EPILOG + _fault_kinds(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    listen = parser.add_argument_group("server")
    listen.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    listen.add_argument("--port", type=int, default=0, help="port to listen on; 0 chooses a free one (%(default)s)")
    listen.add_argument("--public-url", default="", metavar="URL", help="base URL of thumbnails")
    listen.add_argument("--log", action="store_true", help="log each request, without its query")
    world = parser.add_argument_group("world")
    world.add_argument("--seed", type=int, default=0, help="the same seed gives the same videos (%(default)s)")
    world.add_argument("--rate", type=float, default=2.0, metavar="N", help="videos per hour about a typical topic")
    world.add_argument(
        "--topic-rate", type=_topic_rate, action="append", default=[], metavar="TOPIC=N",
        help="videos per hour about one topic; repeatable",
    )  # fmt: skip
    world.add_argument("--history-days", type=float, default=30, metavar="N", help="days of videos before the start")
    world.add_argument(
        "--index-delay",
        type=float,
        default=5400,
        metavar="SECONDS",
        help="maximum delay until search shows a video",
    )
    world.add_argument("--rhythm", action="store_true", help="publish less at night (UTC)")
    world.add_argument(
        "--or-recall",
        type=_share,
        default=1.0,
        metavar="SHARE",
        help="share of its videos that a search with alternatives (a|b) shows",
    )
    world.add_argument(
        "--or-words",
        choices=("work", "broken"),
        default="work",
        help="broken: with an alternative of several words, such a search shows only what has all words",
    )
    world.add_argument("--or-limit", type=int, metavar="N", help="refuse such a query if it has more characters")
    world.add_argument("--now", type=_moment, metavar="ISO", help="start time (default: the real time)")
    world.add_argument("--frozen", action="store_true", help="freeze the clock; control requests can move it")
    world.add_argument(
        "--remember",
        type=Path,
        metavar="FILE",
        help="file that stores the start time and the searched topics, so that a restart keeps all videos",
    )
    keys = parser.add_argument_group("keys")
    keys.add_argument(
        "--key", type=_project_key, action="append", default=[], metavar="PROJECT=KEY",
        help="a project and a key; repeatable (default: demo=demo-key)",
    )  # fmt: skip
    keys.add_argument("--searches-per-day", type=int, default=100, metavar="N", help="for each project (%(default)s)")
    keys.add_argument("--units-per-day", type=int, default=10_000, metavar="N", help="for each project (%(default)s)")
    other = parser.add_argument_group("Invidious")
    other.add_argument(
        "--relative-thumbnails", action="store_true", help="thumbnail URLs as of an instance without a domain"
    )
    other.add_argument("--parse-errors", action="store_true", help="add items that could not be parsed")
    return parser


def _fault_kinds() -> str:
    """Return a table of the kinds of faults, by source."""
    lines = []
    for source, kinds in KINDS.items():
        lines += ["", f"faults of {source}:", *(f"  {name:<16}{kind.about}" for name, kind in kinds.items())]
    return "\n".join(lines)


def _projects(options: argparse.Namespace) -> list[Project]:
    """Return the projects of the given keys; ValueError if SIMULATOR_KEYS is invalid."""
    pairs: list[tuple[str, str]] = list(options.key)
    try:
        pairs += map(_project_key, filter(None, os.environ.get("SIMULATOR_KEYS", "").split(",")))
    except argparse.ArgumentTypeError:
        raise ValueError("SIMULATOR_KEYS must be project=key pairs, separated by commas.") from None
    keys: dict[str, list[str]] = {}
    for name, key in pairs or [("demo", "demo-key")]:
        keys.setdefault(name, []).append(key)
    return [
        Project(name, texts, searches_per_day=options.searches_per_day, units_per_day=options.units_per_day)
        for name, texts in keys.items()
    ]


def _project_key(text: str) -> tuple[str, str]:
    project, _, key = text.strip().partition("=")
    if not (project and key):
        raise argparse.ArgumentTypeError("must have the form PROJECT=KEY")
    return project, key


def _topic_rate(text: str) -> tuple[str, float]:
    topic, _, number = text.rpartition("=")
    try:
        return topic, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{number!r} is not a number") from None


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1")
    return share


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("must be a date and time with a time zone, such as 2026-11-22T08:00:00Z")
    return moment


if __name__ == "__main__":
    sys.exit(main())
