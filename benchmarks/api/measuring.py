"""Measure the sides in turn, in this process: requests as the web server hands them to the application."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.util import setup_testing_defaults

from django.db import connection

from benchmarks.api.cases import FOLLOWED, Case
from config.wsgi import application

# What is slow is measured less often: for about so many seconds, but at least so many times.
SECONDS: Final = 3
FEWEST: Final = 3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Median milliseconds of each side, None for a side without a right answer; and the queries of ours.

    `loop_ms` is measured of storing only.
    """

    ours_ms: float | None
    floor_ms: float | None
    naive_ms: float | None
    queries: int | None
    loop_ms: float | None = None


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


def sides_of(case: Case) -> tuple[dict[str, str], list[str]]:
    """Return the address of each side that answers the right rows, and what is wrong with the others.

    Right is what the floor answers; without a floor, the naive view.
    """
    addresses = {"ours": case.ours, "floor": f"/floor/{case.name}/" if case.floor else "", "naive": case.naive}
    rows = {side: _rows(address) for side, address in addresses.items() if address}
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


def measure(addresses: Mapping[str, str], rounds: int) -> Figures:
    """Measure each side's request, in turn."""
    queries = None
    if "ours" in addresses:
        with counted_queries() as count:
            request(addresses["ours"])
        queries = count()
    medians = in_turn({side: partial(request, address) for side, address in addresses.items()}, rounds)
    return Figures(medians.get("ours"), medians.get("floor"), medians.get("naive"), queries)


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
    path, _, query = address.partition("?")
    environ: dict[str, Any] = {"PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query}
    setup_testing_defaults(environ)
    environ["REMOTE_ADDR"] = "127.0.0.1"
    status = ""

    def start_response(line: str, headers: object, exc_info: object = None) -> None:
        nonlocal status
        status = line

    response = application(environ, start_response)
    body = b"".join(response)
    response.close()  # type: ignore[attr-defined]  # Django's; it ends the request
    return status, body


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
    """Return the rows that are answered; one without an id for an error, which equals no right answer."""
    return list(answer(address).get("results", [{}]))


def _ids(rows: list[Row]) -> list[str | None]:
    return [row.get("video_id") for row in rows]
