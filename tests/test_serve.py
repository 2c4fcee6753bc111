"""The web server: slow clients hold no thread, and stopping it ends no request halfway."""

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.running import wait_for
from tests.web import listens, running_web

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

HALF_SENT = {
    "nothing": b"",
    "a head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "a body": b"POST /api/keywords/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{",
    "a form": b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=",
    "chunks": b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}

Web = tuple[subprocess.Popen[bytes], int]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running_web(tmp_path_factory.mktemp("web")) as running:
        answer(running[1])  # the first request imports the views
        yield running


def answer(port: int, path: str = "/ping/", timeout: float = 10) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def test_slow_clients_hold_no_thread(web: Web) -> None:
    with ExitStack() as connections:
        for begun in HALF_SENT.values():
            for _ in range(40):
                client = connections.enter_context(socket.create_connection(("127.0.0.1", web[1]), timeout=5))
                client.sendall(begun)
        time.sleep(0.5)  # until all have arrived
        for _ in range(20):
            assert answer(web[1], timeout=2) == 200
        assert answer(web[1], "/", timeout=2) == 200


def test_too_large_a_request_is_refused_before_it_is_read(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web[1]), timeout=5) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_long_address_is_read(web: Web) -> None:
    """500 characters, the longest keyword, take up to 12 bytes each."""
    assert answer(web[1], f"/api/keyword/{'%F0%9F%90%A6' * 500}/videos/") == 404


def test_a_killed_process_is_replaced(web: Web) -> None:
    parent = psutil.Process(web[0].pid)
    killed = parent.children()[0]
    killed.kill()
    wait_for(lambda: len(parent.children()) == 2 and killed not in parent.children(), lambda: str(parent.children()))
    assert answer(web[1]) == 200


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    with running_web(tmp_path) as (web, port):
        children = psutil.Process(web.pid).children()
        web.kill()
        wait_for(lambda: not any(child.is_running() for child in children), lambda: str(children))
        assert not listens(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_finishes_requests_when_it_stops(tmp_path: Path, number: signal.Signals) -> None:
    statuses = []

    def add_keyword(port: int) -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request(
                "POST", "/api/keywords/", b'{"keyword": "kestrels"}', {"Content-Type": "application/json"}
            )
            statuses.append(connection.getresponse().status)

    with running_web(tmp_path) as (web, port):
        answer(port)  # the processes are ready
        # Adding a keyword waits for the lock.
        with closing(sqlite3.connect(tmp_path / "state" / "windhover.sqlite3", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            adding = threading.Thread(target=add_keyword, args=(port,))
            adding.start()
            time.sleep(2)
            os.kill(web.pid, number)
            wait_for(lambda: not listens(port), lambda: "it still listens")
            assert not statuses
            database.execute("ROLLBACK")
        adding.join()
        assert statuses == [201]
        assert web.wait(30) == 0
