"""Measure the sides in turn, in this process: requests as the web server hands them to the application."""

import csv
import io
import json
import xml.etree.ElementTree
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from resource import RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.util import setup_testing_defaults

import psutil
from django.db import connection, connections

from benchmarks.api.cases import FOLLOWED, Case
from config.wsgi import application

# What is slow is measured less often: for about so many seconds, but at least so many times.
SECONDS: Final = 3
FEWEST: Final = 3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Median milliseconds of each side, None for a side without a right answer; and the queries of ours.

    Those of an export are for 1,000 rows, and the queries for all. `loop_ms` is measured of storing only, `peak_mb` of
    exports: the memory that each side needs.
    """

    ours_ms: float | None
    floor_ms: float | None
    naive_ms: float | None
    queries: int | None
    loop_ms: float | None = None
    peak_mb: dict[str, float] | None = None


def resolve(case: Case) -> Case:
    """Replace the address of a case by cursor with the one that a client reaches who follows `next`."""
    if "cursor=" not in case.ours:
        return case
    address = case.ours
    for _ in range(FOLLOWED):
        following: str = answer(address).get("next") or ""
        if "cursor=" not in following:
            break
        address = urlsplit(following)._replace(scheme="", netloc="").geturl()
    return replace(case, ours=address.replace("page_size=100", "page_size=10"))


def addresses_of(case: Case) -> dict[str, str]:
    """Return the address of each side."""
    return {"ours": case.ours, "naive": case.naive} | ({"floor": f"/floor/{case.name}/"} if case.floor else {})


def sides_of(case: Case) -> tuple[dict[str, str], list[str]]:
    """Return the address of each side that answers the right rows, and what is wrong with the others.

    Right is what the floor answers; without a floor, the naive view.
    """
    addresses = addresses_of(case)
    rows = {side: _rows(address) for side, address in addresses.items()}
    right = rows["floor" if case.floor else "naive"]
    wrong = {side: "other videos" for side in rows if _ids(rows[side]) != _ids(right)}
    if not wrong and any(
        row != {name: our[name] for name in row} for row, our in zip(rows["naive"], rows["ours"], strict=True)
    ):
        wrong["ours"] = "other values"
    return (
        {side: addresses[side] for side in rows if side not in wrong},
        [f"{case.name}: {addresses[side]} answers {what}" for side, what in wrong.items()],
    )


def measure(case: Case, addresses: Mapping[str, str], rounds: int) -> Figures:
    """Measure each side's request, in turn."""
    queries = None
    if "ours" in addresses:
        with counted_queries() as count:
            read(addresses["ours"])
        queries = count()
    medians = in_turn({side: partial(read, address) for side, address in addresses.items()}, rounds)
    if case.exported:
        medians = {side: milliseconds * 1000 / case.exported for side, milliseconds in medians.items()}
    return Figures(medians.get("ours"), medians.get("floor"), medians.get("naive"), queries)


def peaks_of(case: Case) -> dict[str, float]:
    """Return by how many MB the memory of a process grows at most while it answers, for each side.

    Each has a process of its own, a copy of this one: so before anything else is measured, which leaves free memory.
    """
    connections.close_all()
    peaks = {}
    for side, address in addresses_of(case).items():
        with ProcessPoolExecutor(1, get_context("fork")) as process:
            peaks[side] = process.submit(_growth, address).result()
    return peaks


def _growth(address: str) -> float:
    before = psutil.Process().memory_info().rss
    read(address)
    return getrusage(RUSAGE_SELF).ru_maxrss / 2**10 - before / 2**20


def in_turn(actions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each action. They take turns, so that whatever disturbs them disturbs all."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    begun = perf_counter()
    for done in range(rounds):
        if done >= FEWEST and perf_counter() - begun > SECONDS:
            break
        for name, action in actions.items():
            start = perf_counter()
            action()
            times[name].append(1000 * (perf_counter() - start))
    return {name: median(measured) for name, measured in times.items()}


def answer(address: str) -> dict[str, Any]:
    """Return the JSON object that is answered, an empty one for an error."""
    status, body = request(address)
    return dict(json.loads(body)) if status.startswith("200") else {}


def request(address: str) -> tuple[str, bytes]:
    """Return status and body of the answer to a GET request."""
    body = list[bytes]()
    return _request(address, body.extend), b"".join(body)


def read(address: str) -> None:
    """Send a GET request, and read the body without keeping it, as it may be large."""
    _request(address, deque[bytes](maxlen=0).extend)


def _request(address: str, take: Callable[[Iterable[bytes]], None]) -> str:
    """Send a GET request, let `take` read the body, and return the status."""
    path, _, query = address.partition("?")
    environ: dict[str, Any] = {"PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query}
    setup_testing_defaults(environ)
    environ["REMOTE_ADDR"] = "127.0.0.1"
    status = ""

    def start_response(line: str, headers: object, exc_info: object = None) -> None:
        nonlocal status
        status = line

    response = application(environ, start_response)
    take(response)
    response.close()  # type: ignore[attr-defined]  # Django's; it ends the request
    return status


@contextmanager
def counted_queries() -> Iterator[Callable[[], int]]:
    """Count the queries; the function returns how many there were."""
    number = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal number
        number += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        yield lambda: number


def _rows(address: str) -> list[Row]:
    """Return the rows that are answered; one without an id for an error, which equals no right answer.

    Those of statistics are its days, and those of a CSV file have only ids: other values differ in their spelling.
    """
    status, body = request(address)
    if not status.startswith("200"):
        return [{}]
    if body.startswith(b"<?xml"):
        return _entries(body)
    if body.removeprefix(b"\xef\xbb\xbf").startswith(b"video_id,"):
        _, *cells = csv.reader(io.StringIO(body.decode(), newline=""))
        return [{"video_id": video_id.removeprefix("'")} for video_id, *_ in cells]
    if body.startswith(b'{"video_id"'):
        return [json.loads(line) for line in body.splitlines()]
    answered = json.loads(body)
    return list(answered if isinstance(answered, list) else answered["results" if "results" in answered else "days"])


def _entries(feed: bytes) -> list[Row]:
    """Return the videos of an Atom feed."""
    atom = {"atom": "http://www.w3.org/2005/Atom"}
    root = xml.etree.ElementTree.fromstring(feed)
    return [
        {
            "video_id": entry.findtext("atom:id", "", atom).rpartition(":")[2],
            **{name: entry.findtext(f"atom:{name}", None, atom) for name in ("title", "published", "updated")},
        }
        for entry in root.iterfind("atom:entry", atom)
    ]


def _ids(rows: list[Row]) -> list[str | None]:
    return [row.get("video_id", row.get("day")) for row in rows]
