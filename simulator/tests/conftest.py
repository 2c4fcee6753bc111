"""A simulator on a real port, with a frozen clock."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from simulator import Clock, Key, Project, Simulator, World

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

Get = Callable[..., Any]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    world = World(seed=7, started_at=NOW, index_delay=0)
    project = Project("birds", [Key("good-key", "first")])
    with Simulator(world, projects=[project], clock=Clock(NOW, frozen=True)) as simulator:
        yield simulator


@pytest.fixture
def get(sim: Simulator) -> Get:
    """Return a function that requests JSON; it returns (status, body) for an error."""

    def ask(path: str, **query: object) -> Any:
        if path.startswith("/youtube/"):
            query.setdefault("key", "good-key")
        given = {name: value for name, value in query.items() if value is not None}
        try:
            with urlopen(f"{sim.youtube_url}{path}?{urlencode(given, doseq=True)}", timeout=5) as response:
                return json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    return ask


@pytest.fixture
def search(get: Get) -> Get:
    def ask(q: str, **query: object) -> Any:
        parameters = {"part": "snippet", "type": "video", "order": "date", "maxResults": 50, **query}
        return get("/youtube/v3/search", q=q, **parameters)

    return ask


@pytest.fixture
def post(sim: Simulator) -> Get:
    def send(path: str, body: object) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urlopen(Request(sim.youtube_url + path, data, method="POST"), timeout=5) as response:
                return json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    return send
