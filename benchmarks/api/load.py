"""Measure over HTTP: the real web server, and clients of which each sends one request after another."""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from itertools import chain
from os import environ
from random import randrange
from socket import socket
from statistics import quantiles
from time import monotonic, perf_counter, sleep
from typing import Final

import psutil

CLIENTS: Final = 4
TURN: Final = 0.1  # seconds
START: Final = 60  # seconds that a server may take to start


@dataclass(frozen=True, slots=True)
class Served:
    """What some clients at once have measured."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


class Server:
    """The web server, with the settings of this process, while the context lasts."""

    def __enter__(self) -> "Server":
        self.port = _free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.serve"],
            env=environ | {"PORT": str(self.port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.terminate()
        self.process.wait()

    def _wait(self) -> None:
        deadline = monotonic() + START
        while True:
            with suppress(OSError):
                self.send("/ping/")
                return
            if self.process.poll() is not None or monotonic() > deadline:
                raise RuntimeError("the web server does not start")
            sleep(0.1)

    def rss_mb(self) -> float:
        """Return the resident memory of its processes."""
        parent = psutil.Process(self.process.pid)
        return sum(process.memory_info().rss for process in (parent, *parent.children())) / 2**20

    def send(self, address: str, seconds: float = 0) -> list[float]:
        """Send requests over one connection for some time, at least one; return the milliseconds of each."""
        times = list[float]()
        end = perf_counter() + seconds
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=START)) as connection:
            while not times or perf_counter() < end:
                start = perf_counter()
                connection.request("GET", address)
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    raise RuntimeError(f"{address} answered {response.status}")
                times.append(1000 * (perf_counter() - start))
        return times


def measure(server: Server, addresses: Mapping[str, str], rounds: int) -> dict[str, Served]:
    """Measure each side's address with some clients at once. The sides take turns; the first is not counted."""
    times: dict[str, list[float]] = {side: [] for side in addresses}
    seconds = dict.fromkeys(addresses, 0.0)
    with ThreadPoolExecutor(CLIENTS) as clients:
        for turn in range(rounds + 1):
            for side, address in addresses.items():
                start = perf_counter()
                sent = list(clients.map(partial(server.send, address), [TURN if turn else 0] * CLIENTS))
                if turn:
                    seconds[side] += perf_counter() - start
                    times[side] += chain.from_iterable(sent)
    return {side: _served(times[side], seconds[side]) for side in addresses}


def _served(times: list[float], seconds: float) -> Served:
    hundredths = quantiles(times, n=100, method="inclusive")
    return Served(len(times) / seconds, hundredths[49], hundredths[98])


def _free_port() -> int:
    """Return a free port below the range of client ports."""
    while True:
        port = randrange(20_000, 32_000)
        with suppress(OSError), socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
