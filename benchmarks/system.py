"""A running Windhover of its own with a simulated YouTube, for benchmarks."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from simulator import Project, Simulator, World
from simulator.exchange import Request as Call
from simulator.exchange import Response
from tests.running import Windhover, running_windhover, wait_for


class System:
    """Windhover (`windhover`) and its YouTube (`youtube`)."""

    def __init__(self, windhover: Windhover, youtube: Simulator) -> None:
        self.windhover, self.youtube = windhover, youtube

    def request(self, method: str, address: str, body: dict[str, Any] | None = None) -> Any:
        """Return what the REST API answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(self.windhover.url + address, data, headers, method=method), timeout=60) as response:
            return json.load(response)

    def add(self, *keywords: str) -> list[int]:
        """Watch these keywords; return their ids."""
        body = {"keywords": [{"keyword": keyword} for keyword in keywords]}
        return [row["id"] for row in self.request("POST", "/api/keywords/bulk/", body)["results"]]

    @property
    def searches(self) -> int:
        """How many searches YouTube has answered, or is about to."""
        return self.youtube.stats.requests("/youtube/v3/search")

    def wait_for_fetches(self, number: int) -> None:
        """Wait until there were so many fetches."""
        wait_for(
            lambda: self.request("GET", "/api/logs/?status=done&page_size=1")["count"] >= number,
            lambda: f"there are not {number} fetches:\n{self.windhover.output}",
        )


class _YouTube(Simulator):
    def __init__(self, per_day: int, seconds: float) -> None:
        super().__init__(
            World(), projects=[Project("one", ["key-one"], searches_per_day=per_day, units_per_day=per_day)]
        )
        self._seconds = seconds

    def answer(self, request: Call) -> Response:
        time.sleep(self._seconds)
        return super().answer(request)


@contextmanager
def running_system(*, per_day: int, answer_seconds: float = 0, **environment: str) -> Iterator[System]:
    """Run Windhover with these variables until the block ends; it has fetched one keyword, so all its parts work.

    YouTube allows so many searches, and other calls, `per_day`. It answers each after `answer_seconds`.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        _YouTube(per_day, answer_seconds) as youtube,
        running_windhover(
            Path(folder),
            first=False,
            YT_KEYS="one=key-one",
            YOUTUBE_API_URL=youtube.youtube_url,
            YT_SEARCHES_PER_DAY=str(per_day),
            YT_UNITS_PER_DAY=str(per_day),
            **environment,
        ) as windhover,
    ):
        system = System(windhover, youtube)
        system.add("one that shows when all parts work")
        system.wait_for_fetches(1)
        yield system
