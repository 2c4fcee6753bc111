"""A simulated YouTube whose responses can be held, so that a fault hits a chosen moment of a fetch."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simulator import Project, Simulator, World
from simulator.exchange import Request, Response

SEARCH, VIDEOS = "/youtube/v3/search", "/youtube/v3/videos"

KEYS = {"one": "key-of-project-one", "two": "key-of-project-two"}
PER_DAY = 1_000_000

# Seconds; longer than a keyword's interval.
MOST_AWAITED = 90.0

# Longer than a fetch waits for a response.
MOST_HELD = 60.0


class _Held:
    """A response that is held: the next one of an endpoint, to a request for `query` if one is given."""

    def __init__(self, endpoint: str, query: str | None) -> None:
        self.endpoint, self.query = endpoint, query
        self.has_come, self.is_over = threading.Event(), threading.Event()

    def fits(self, request: Request) -> bool:
        return request.path == self.endpoint and self.query in (None, request.last("q"))


class YouTube(Simulator):
    def __init__(self, world: World) -> None:
        projects = [Project(name, [key], searches_per_day=PER_DAY, units_per_day=PER_DAY) for name, key in KEYS.items()]
        super().__init__(world, projects=projects)
        self._lock = threading.Lock()
        self._held: list[_Held] = []

    @contextmanager
    def holding(self, endpoint: str, query: str | None = None) -> Iterator[Callable[[], bool]]:
        """Hold one response while the block runs; yield a function that waits for its request, for MOST_AWAITED at
        most, and returns whether it has come."""
        held = _Held(endpoint, query)
        with self._lock:
            self._held.append(held)
        try:
            yield lambda: held.has_come.wait(MOST_AWAITED)
        finally:
            held.is_over.set()
            with self._lock:
                if held in self._held:
                    self._held.remove(held)

    def answer(self, request: Request) -> Response:
        with self._lock:
            held = next((one for one in self._held if one.fits(request)), None)
            if held:
                self._held.remove(held)
        try:
            return super().answer(request)
        finally:
            if held:
                held.has_come.set()
                held.is_over.wait(MOST_HELD)
