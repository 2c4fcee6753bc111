"""Servers on this machine: a simulator, one whose responses a test sets, and one that sends raw bytes."""

import gc
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from hypothesis import strategies as st

from core.found_video import LIVE_STATES, FoundVideo
from simulator import Clock, Key, Project, Simulator, World

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = "AIza" + "SyA-1234567890abcdefghijklmnopqrstu"  # in two parts, so that secret scanners ignore it
DATA = Path(__file__).with_name("data")

# Any JSON value.
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """Collect no garbage: at the bottom of a recursion, which nested JSON causes, finalizers fail, also those of what
    other tests have left, and pytest reports that."""
    gc.disable()
    yield
    gc.enable()


class FakeServer:
    """A server whose response a test sets: status, body (bytes, or a value for JSON), headers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self._answer: tuple[int, bytes, dict[str, str]] = (200, b"", {})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def respond(self, body: Any, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answer = status, data, {"Content-Type": "application/json", "Content-Length": str(len(data)), **named}

    def __enter__(self) -> "FakeServer":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # Not `self`, which is the handler below.
    def _handler(fake_server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                fake_server.asked.append({name: ",".join(values) for name, values in query.items()})
                fake_server.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, body, headers = fake_server._answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    """Let the clock go on from NOW: what is plausible depends on it."""
    with time_machine.travel(NOW):
        yield


@pytest.fixture(scope="session")
def _fake_server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def fake_server(_fake_server: FakeServer) -> FakeServer:
    _fake_server.asked.clear()
    _fake_server.headers.clear()
    return _fake_server


class RawServer:
    """A server that sends given bytes, whether they are valid HTTP or not, and notices when the client disconnects.

    With `context` it speaks TLS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.disconnected = threading.Event()
        self._pieces: Callable[[], Iterable[bytes]] = lambda: ()
        self._keep_open = True
        self._socket = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    def send(self, pieces: Callable[[], Iterable[bytes]], *, keep_open: bool = True) -> None:
        """Respond to each request with what `pieces` yields; `keep_open` keeps the connection open afterwards."""
        self._pieces, self._keep_open = pieces, keep_open
        self.disconnected.clear()

    def __enter__(self) -> "RawServer":
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        if self._context:
            connection = self._context.wrap_socket(connection, server_side=True)
        with connection:
            try:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += (more := connection.recv(65_536))
                    if not more:
                        return
                for piece in self._pieces():
                    connection.sendall(piece)
                if self._keep_open and not connection.recv(1):
                    self.disconnected.set()
            except (ConnectionError, ssl.SSLError):
                self.disconnected.set()


@pytest.fixture(scope="session")
def raw_server() -> Iterator[RawServer]:
    with RawServer() as server:
        yield server


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    world = World(seed=7, started_at=NOW, index_delay=0)
    with Simulator(world, projects=[Project("birds", [Key(KEY)])], clock=Clock(NOW, frozen=True)) as running:
        yield running


def assert_plausible(video: FoundVideo) -> None:
    """Check the bounds of every number and date."""
    latest = datetime.now(UTC) + timedelta(days=1)
    assert datetime(2005, 4, 23, tzinfo=UTC) <= video.published_at <= latest
    assert video.duration is None or 0 < video.duration < 4 * 10**8
    assert video.view_count is None or 0 <= video.view_count <= 10**12
    assert video.starts_at is None or datetime(2005, 4, 23, tzinfo=UTC) <= video.starts_at < latest.replace(year=2032)
    assert video.live_state in LIVE_STATES
    assert video.thumbnail.startswith("https://i.ytimg.com/")


def search_item(video_id: str = "abcdefghijk", **snippet: Any) -> dict[str, Any]:
    """Return an item of search.list; `snippet` replaces or adds parts of its snippet."""
    return {
        "kind": "youtube#searchResult",
        "id": {"kind": "youtube#video", "videoId": video_id},
        "snippet": {
            "publishedAt": "2026-11-22T11:00:00Z",
            "channelId": "UCabcdefghijklmnopqrstuv",
            "title": "A kestrel over the field",
            "description": "It hangs in the wind ...",
            "thumbnails": {"high": {"url": f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg"}},
            "channelTitle": "Field notes",
            "liveBroadcastContent": "none",
            **snippet,
        },
    }


def list_item(video_id: str = "abcdefghijk", duration: str = "PT1M", views: Any = "7", **parts: Any) -> dict[str, Any]:
    """Return an item of videos.list; `parts` replaces or adds parts."""
    return {
        "kind": "youtube#video",
        "id": video_id,
        "snippet": search_item(video_id)["snippet"],
        "contentDetails": {"duration": duration},
        "statistics": {"viewCount": views},
        **parts,
    }


def recording(path: str) -> Any:
    """Return a recorded body; data/SOURCES.md names its origin."""
    return json.loads((DATA / path).read_text())
