"""The web server: slow clients hold no thread, and stopping it ends no request halfway."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPResponse
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psutil
import pytest
from waitress import create_server, wasyncore

from config.refusals import RECEIVE_SECONDS, Channel, limited_client
from config.serve import listen
from tests.running import wait_for
from tests.web import listens, ping, running_web

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
        yield running


def test_slow_clients_hold_no_thread(web: Web) -> None:
    with ExitStack() as connections:
        for begun in HALF_SENT.values():
            for _ in range(40):
                client = connections.enter_context(socket.create_connection(("127.0.0.1", web[1]), timeout=5))
                client.sendall(begun)
        time.sleep(0.5)  # until all have arrived
        for _ in range(20):
            assert ping(web[1], timeout=5) == 200


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n", 413),
        (b"HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 70_000, 431),
        (b"HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"HTTP/1.1\r\nHost: localhost\r\nno header\r\n\r\n", 400),
        (b"HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n", 400),
        (b"HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"\x00\xff HTTP/1.1\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.parametrize("path", [b"/api/keywords/", b"/sign-in/"])
def test_what_is_no_valid_request_is_refused_at_once(web: Web, path: bytes, rest: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", web[1]), timeout=60) as client:
        client.sendall(b"POST " + path + b" " + rest)
        response = HTTPResponse(client)
        response.begin()
        body = response.read()
    assert response.status == status
    if path.startswith(b"/api/"):
        shown = json.loads(body)
        assert (shown["status"], bool(shown["detail"])) == (status, True)
        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("request_line", "length", "status"),
    [(b"GET /ping/", b"", 200), (b"POST /api/keywords/", b"-1", 400), (b"POST /api/keywords/", b"5000000", 413)],
)
def test_a_request_whose_body_is_not_waited_for_is_answered_at_once(
    web: Web, request_line: bytes, length: bytes, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", web[1]), timeout=30) as client:
        length = b"Content-Length: " + length + b"\r\n" if length else b""
        client.sendall(request_line + b" HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + length + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 %d " % status)


def test_a_long_address_is_read(web: Web) -> None:
    """500 characters, the longest keyword, take up to 12 bytes each."""
    assert ping(web[1], 60, f"/api/keyword/{'%F0%9F%90%A6' * 500}/videos/") == 404


def get(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str | None, bytes]:
    """Return the status, the Content-Type and all that follows the head, also where nothing should."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in {"Host": "localhost", **headers}.items())]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        with client.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    found = re.search(r"^Content-Type: (.*?)\r?$", head.decode(), re.MULTILINE | re.IGNORECASE)
    return int(head.split()[1]), found and found[1], body


STYLES = "/static/dashboard/windhover.css"


@pytest.mark.parametrize(
    "path",
    ["/", "/nothing", "/ping/", "/api/keywords/", "/api/nothing", "/api/videos/none/", "/api/docs/", "/api/videos/%00/",
     "/admin/", STYLES, "/static/nothing"],
)  # fmt: skip
def test_head_is_answered_like_get_without_the_body(web: Web, path: str) -> None:
    status, content_type, body = get(web[1], path)
    assert body or status == 302
    assert get(web[1], path, "HEAD") == (status, content_type, b"")


@pytest.mark.parametrize("requested", ["bytes=0-0", "bytes=5-5", "bytes=0-3", "bytes=9-2", "bytes=999999999-", "x"])
def test_files_are_answered_as_a_whole(web: Web, requested: str) -> None:
    whole = get(web[1], STYLES)
    assert whole[0] == 200
    assert get(web[1], STYLES, Range=requested) == whole


def test_a_killed_process_is_replaced(web: Web) -> None:
    parent = psutil.Process(web[0].pid)
    killed = parent.children()[0]
    killed.kill()
    wait_for(lambda: len(parent.children()) == 2 and killed not in parent.children(), lambda: str(parent.children()))
    assert ping(web[1], 60) == 200


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
        with closing(HTTPConnection("127.0.0.1", port, timeout=100)) as connection:
            connection.request(
                "POST", "/api/keywords/", b'{"keyword": "kestrels"}', {"Content-Type": "application/json"}
            )
            statuses.append(connection.getresponse().status)

    with running_web(tmp_path) as (web, port):
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
        assert web.wait(60) == 0


def test_a_request_that_does_not_arrive_in_time_ends_its_connection() -> None:
    closed: list[bool] = []
    channel = Channel.__new__(Channel)
    channel.requests, channel.total_outbufs_len = [], 0
    channel.handle_close = lambda: closed.append(True)
    for seconds in (1, RECEIVE_SECONDS + 1):
        channel.waiting_since = time.monotonic() - seconds
        channel.close_if_slow()
        assert bool(closed) == (seconds > RECEIVE_SECONDS)


def test_who_takes_nothing_of_a_response_holds_no_thread_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Endless:
        def __init__(self, name: str) -> None:
            self.name = name

        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"x" * 2**20

        def close(self) -> None:
            closed.append(self.name)

    def application(environ: Any, start: Any) -> Any:
        start("200 OK", [])
        return Endless(environ["PATH_INFO"])

    monkeypatch.setattr("config.refusals.SEND_SECONDS", 2)
    with listen("127.0.0.1", 0) as listener, ExitStack() as connections:
        server = create_server(application, sockets=[listener], threads=2)
        server.channel_class = Channel
        stalled, reading = (
            connections.enter_context(socket.create_connection(listener.getsockname(), timeout=5)) for _ in range(2)
        )
        stalled.sendall(b"GET /stalled HTTP/1.0\r\n\r\n")
        reading.sendall(b"GET /reading HTTP/1.0\r\n\r\n")
        reading.setblocking(False)
        end = time.monotonic() + 20
        while not closed and time.monotonic() < end:
            wasyncore.loop(timeout=0.1, map=server._map, count=1)
            for channel in list(server.active_channels.values()):
                channel.close_if_slow()
            with suppress(BlockingIOError):
                for _ in range(16):
                    reading.recv(2**20)
        assert closed == ["/stalled"]
        reading.close()
        while len(closed) < 2 and time.monotonic() < end:
            wasyncore.loop(timeout=0.1, map=server._map, count=1)
        server.close()


def test_one_client_cannot_take_all_connections(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("config.refusals.MAX_CONNECTIONS", 3)
    monkeypatch.setattr("config.refusals.limited_client", lambda address: address != "127.0.0.9" and address)
    monkeypatch.setattr(Channel, "warned_at", {})
    with listen("127.0.0.1", 0) as listener, ExitStack() as connections:
        server = create_server(lambda environ, start: [], sockets=[listener], threads=1)
        server.channel_class = Channel

        def connect(address: str) -> socket.socket:
            client = socket.create_connection(listener.getsockname(), timeout=5, source_address=(address, 0))
            wasyncore.loop(timeout=1, map=server._map, count=1)
            return connections.enter_context(client)

        def open_from(address: str) -> int:
            return [channel.addr[0] for channel in server.active_channels.values()].count(address)

        first, *_ = [connect("127.0.0.2") for _ in range(3)]
        for _ in range(5):
            assert connect("127.0.0.2").recv(1) == b"", "it is closed at once"
        for _ in range(5):
            connect("127.0.0.3")
            connect("127.0.0.9")
        assert [open_from(address) for address in ("127.0.0.2", "127.0.0.3", "127.0.0.9")] == [3, 3, 5]
        assert [message.partition(":")[0] for message in caplog.messages] == [
            "Connections from 127.0.0.2 refused",
            "Connections from 127.0.0.3 refused",
        ]

        first.close()
        wasyncore.loop(timeout=1, map=server._map, count=2)
        assert open_from("127.0.0.2") == 2
        connect("127.0.0.2")
        assert open_from("127.0.0.2") == 3
        wasyncore.close_all(server._map)
        server.task_dispatcher.shutdown()


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.5", "203.0.113.5/32"),
        ("::ffff:203.0.113.5", "203.0.113.5/32"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", None),
        ("::ffff:127.0.0.1", None),
        ("::1", None),
        ("10.1.2.3", None),
    ],
)
def test_whose_connections_are_counted_together(settings: Any, address: str, client: str | None) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    found = limited_client(address)
    assert (str(found) if found else None) == client
