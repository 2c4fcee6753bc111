"""Ways to fail on purpose, at the level where real failures happen: the wire."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator import refusals
from simulator.exchange import Answer

#: Who can fail.
SOURCES = ("youtube", "invidious")

_CHALLENGE = b"""<!doctype html><html lang="en"><head><title>Making sure you're not a bot!</title></head>
<body><p>Please wait while your browser is being checked.</p></body></html>"""


class Hang(Exception):
    """Say nothing, until the caller gives up or the simulator stops."""


class Reset(Exception):
    """Break the connection off."""


def _away(status: int) -> Callable[[Answer], Answer]:
    return lambda answer: Answer.of(refusals.away(status).body, status)


def _hang(answer: Answer) -> Answer:
    raise Hang


def _reset(answer: Answer) -> Answer:
    raise Reset


#: What each kind makes of the answer that would have gone out. A new kind is a new line here.
KINDS: dict[str, Callable[[Answer], Answer]] = {
    "status_500": _away(500),
    "status_503": _away(503),
    "hang": _hang,
    "reset": _reset,
    "html_200": lambda answer: Answer(200, _CHALLENGE, "text/html; charset=utf-8"),
    "truncated_json": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
}


@dataclass
class Fault:
    """A kind of failure, with how often it is still to happen; None for until it is cleared."""

    kind: str
    times: int | None


class Faults:
    """The failures that wait for the next requests, by source. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Fault]] = {source: [] for source in SOURCES}

    def add(self, source: str, kind: str, times: int | None = 1) -> None:
        """Let the next ``times`` requests to a source fail, after those added before; None for all of them.

        ValueError for a source, kind or number that does not exist.
        """
        _check(source)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of: {', '.join(KINDS)}.")
        if times is not None and times < 1:
            raise ValueError("times must be a number from 1 on, or null for always.")
        with self._lock:
            self._waiting[source].append(Fault(kind, times))

    def clear(self, source: str | None = None) -> None:
        """Let all be well again, with one source or with both."""
        if source is not None:
            _check(source)
        with self._lock:
            for one in SOURCES if source is None else (source,):
                self._waiting[one].clear()

    def apply(self, source: str, answer: Answer) -> Answer:
        """Return the answer, or what the next failure makes of it; raises :class:`Hang` or :class:`Reset`."""
        with self._lock:
            waiting = self._waiting[source]
            if not waiting:
                return answer
            fault = waiting[0]
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    waiting.pop(0)
        return KINDS[fault.kind](answer)


def _check(source: str) -> None:
    if source not in SOURCES:
        raise ValueError(f"source must be one of: {', '.join(SOURCES)}.")
