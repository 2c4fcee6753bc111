"""The HTTP server of the simulator, with the faults that were ordered."""

import gzip
import logging
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from simulator import control, invidious, thumbnails, youtube
from simulator.clock import Clock
from simulator.control import Control
from simulator.exchange import Answer, Request
from simulator.faults import Faults, Hang, Reset
from simulator.invidious import Invidious
from simulator.projects import Project, Projects
from simulator.stats import Stats
from simulator.world import World
from simulator.youtube import YouTube

logger = logging.getLogger("simulator")

# Ports to choose from: below 32768, where Linux takes the ports of outgoing connections from.
_PORTS = range(20_000, 32_000)
# Bodies from this size on, in bytes, are compressed where the client takes it.
_COMPRESSED_FROM = 1_000


class Simulator:
    """A YouTube Data API and an Invidious on one port of this machine.

    `projects` hold the keys (default: project `demo` with the key `demo-key`). `port` 0 takes a free
    port. Thumbnail URLs begin with `public_url`, by default the requested host. Use it as a context manager, or
    call `start` and `stop`; OSError if the port is in use. All attributes may be used while it runs.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        projects: Iterable[Project] | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        public_url: str = "",
        relative_thumbnails: bool = False,
        parse_errors: bool = False,
    ) -> None:
        self.world = world or World()
        self.clock = clock or Clock()
        self.projects = Projects([Project("demo", ["demo-key"])] if projects is None else projects)
        self.faults = Faults()
        self.stats = Stats()
        self.control = Control(self.world, self.clock, self.projects, self.faults, self.stats)
        self.public_url = public_url.rstrip("/")
        self._youtube = YouTube(self.world, self.clock, self.projects)
        self._invidious = Invidious(
            self.world, self.clock, relative_thumbnails=relative_thumbnails, parse_errors=parse_errors
        )
        self._host = host
        self._port = port
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Return the base URL, such as `http://127.0.0.1:24680`; RuntimeError before the start."""
        if self._server is None:
            raise RuntimeError("The simulator has not been started.")
        return f"http://{self._host}:{self._server.server_port}"

    @property
    def youtube_url(self) -> str:
        """Return the base URL of the Data API, without `/youtube/v3`."""
        return self.url

    @property
    def invidious_url(self) -> str:
        """Return the base URL of the Invidious instance."""
        return self.url

    def start(self) -> "Simulator":
        """Start the server in a thread."""
        self._server = _listen(self._host, self._port, self)
        threading.Thread(target=self._server.serve, name="simulator", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop the server and close all connections."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def __enter__(self) -> "Simulator":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, request: Request) -> Answer:
        """Answer one request. Raises `Hang` or `Reset` if such a fault was ordered."""
        sources: dict[str, tuple[str, Callable[[Request], Answer]]] = {
            youtube.PREFIX: ("youtube", self._youtube.answer),
            invidious.PREFIX: ("invidious", self._invidious.answer),
        }
        for prefix, (source, answer) in sources.items():
            if request.path.startswith(prefix):
                answered = answer(request)
                endpoint = prefix + request.path.removeprefix(prefix).partition("/")[0]
                self.stats.count(endpoint if answered.status != 404 else prefix, answered.status)
                # Only now, so that a call whose response gets lost has been charged, as a real one may be.
                return self.faults.apply(source, request, answered)
        if request.path.startswith(control.PREFIX):
            return self.control.answer(request)
        return self._picture(request.path)

    def _picture(self, path: str) -> Answer:
        match path.split("/"):
            case ["", "vi", video_id, name] if size := thumbnails.size(name):
                drawing = thumbnails.draw(video_id, *size)
            case ["", "channel", channel_id, _]:
                drawing = thumbnails.draw(channel_id, 88, 88)
            case _:
                return Answer.of({"error": "There is nothing here; the APIs are under /youtube/v3/ and /api/v1/."}, 404)
        # Not cached for days: an id has the same picture only with the same seed.
        return Answer(200, drawing.encode(), "image/svg+xml", {"cache-control": "max-age=3600"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        super().__init__(address, _Handler)
        self.simulator = simulator
        self.ending = threading.Event()
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def server_bind(self) -> None:
        # HTTPServer would look up the host name here, which is not needed and can take seconds.
        socket.socket.bind(self.socket, self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def connected(self, connection: socket.socket, *, still: bool) -> None:
        """Add an open connection, or remove it."""
        with self._lock:
            (self._connections.add if still else self._connections.discard)(connection)

    def serve(self) -> None:
        """Serve until `end`, which makes one more connection so that no polling is needed."""
        while not self.ending.is_set():
            self.handle_request()
        self.ended.set()

    def end(self) -> None:
        """Stop listening and close all connections, also kept-alive ones."""
        self.ending.set()
        with suppress(OSError):
            socket.create_connection(self.socket.getsockname()[:2], timeout=1).close()
        self.ended.wait(timeout=1)
        self.server_close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # The client may have closed it.
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect; log all other errors."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            logger.exception("A request failed inside the simulator.")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Send head and body in one write: separately, a delayed ACK costs 40 ms per request on a kept-alive connection.
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connected(self.connection, still=True)

    def finish(self) -> None:
        self.server.connected(self.connection, still=False)
        super().finish()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        pass  # _serve() logs, without the query, which contains the key.

    def _serve(self) -> None:
        began = time.perf_counter()
        url = urlsplit(self.path)
        simulator = self.server.simulator
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # A query too long for a URL comes as a form; Google's client library does so from 2,048 characters.
        as_form = self.headers.get("X-HTTP-Method-Override") == "GET"
        request = Request(
            method="GET" if as_form else self.command,
            path=unquote(url.path),
            query=parse_qs(body.decode() if as_form else url.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            root=simulator.public_url or f"http://{self.headers.get('Host') or simulator.url.removeprefix('http://')}",
            body=body,
        )
        status = "-"
        try:
            answer = simulator.answer(request)
            status = str(answer.status)
            self._send(answer)
        except Hang:
            self.server.ending.wait()
            self.close_connection = True
        except Reset:
            # Lingering for 0 s closes the connection with RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        logger.info("%s %s %s %.1f ms", self.command, url.path, status, (time.perf_counter() - began) * 1000)

    def _send(self, answer: Answer) -> None:
        body = answer.body
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if (
            answer.pieces is None
            and len(body) >= _COMPRESSED_FROM
            and "gzip" in self.headers.get("Accept-Encoding", "")
        ):
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string())
        if answer.pieces is not None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._send_in_pieces(answer.pieces())
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_in_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send chunks until the last one, or until the client disconnects or the simulator stops."""
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def _listen(host: str, port: int, simulator: Simulator) -> _Server:
    if port:
        return _Server((host, port), simulator)
    for candidate in random.sample(_PORTS, 50):
        try:
            return _Server((host, candidate), simulator)
        except OSError:
            continue
    raise OSError(f"None of fifty ports between {_PORTS.start} and {_PORTS.stop} is free.")
