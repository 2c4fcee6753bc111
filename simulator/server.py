"""The HTTP server of the simulator, which also injects the faults."""

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
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from simulator import control, invidious, thumbnails, youtube
from simulator.clock import Clock
from simulator.control import Control
from simulator.exchange import Request, Response
from simulator.faults import Faults, Hang, Reset
from simulator.invidious import Invidious
from simulator.projects import Project, Projects
from simulator.stats import Stats
from simulator.world import World
from simulator.youtube import YouTube

logger = logging.getLogger("simulator")

# Below 32768, where Linux starts to assign ports to outgoing connections.
_PORTS = range(20_000, 32_000)
# Smaller bodies, in bytes, are not compressed.
_GZIP_MIN_SIZE = 1_000


class Simulator:
    """A YouTube Data API and an Invidious on one port of this machine.

    `projects` hold the keys (default: project `demo` with the key `demo-key`). `port` 0 chooses a free
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

    def start(self) -> Self:
        """Start the server in a thread."""
        self._server = _listen(self._host, self._port, self)
        threading.Thread(target=self._server.serve, name="simulator", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop the server and close all connections."""
        if self._server is not None:
            self._server.stop_serving()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, request: Request) -> Response:
        """Response one request. Raises `Hang` or `Reset` if such a fault was added."""
        sources: dict[str, tuple[str, Callable[[Request], Response]]] = {
            youtube.PREFIX: ("youtube", self._youtube.answer),
            invidious.PREFIX: ("invidious", self._invidious.answer),
        }
        for prefix, (source, answer) in sources.items():
            if request.path.startswith(prefix):
                response = answer(request)
                endpoint = prefix + request.path.removeprefix(prefix).partition("/")[0]
                self.stats.count(endpoint if response.status != 404 else prefix, response.status)
                # After the call was charged: a real call whose response is lost may be charged, too.
                return self.faults.apply(source, request, response)
        if request.path.startswith(control.PREFIX):
            return self.control.answer(request)
        return self._thumbnail(request.path)

    def _thumbnail(self, path: str) -> Response:
        match path.split("/"):
            case ["", "vi", video_id, name] if size := thumbnails.size(name):
                picture = thumbnails.draw(video_id, *size)
            case ["", "channel", channel_id, _]:
                picture = thumbnails.draw(channel_id, 88, 88)
            case _:
                return Response.of({"error": "Not found. The APIs are under /youtube/v3/ and /api/v1/."}, 404)
        # Cache only briefly: with another seed, the same id has another picture.
        return Response(200, picture.encode(), "image/svg+xml", {"cache-control": "max-age=3600"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        super().__init__(address, _Handler)
        self.simulator = simulator
        self.stopping = threading.Event()
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def server_bind(self) -> None:
        # HTTPServer would look up the host name here, which is not needed and can take seconds.
        socket.socket.bind(self.socket, self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def track(self, connection: socket.socket, *, is_open: bool) -> None:
        """Add an open connection, or remove it."""
        with self._lock:
            (self._connections.add if is_open else self._connections.discard)(connection)

    def serve(self) -> None:
        """Serve until `stop_serving`, which makes one more connection so that no polling is needed."""
        while not self.stopping.is_set():
            self.handle_request()
        self.stopped.set()

    def stop_serving(self) -> None:
        """Stop listening and close all connections, also kept-alive ones."""
        self.stopping.set()
        with suppress(OSError):
            socket.create_connection(self.socket.getsockname()[:2], timeout=1).close()
        self.stopped.wait(timeout=1)
        self.server_close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # The client may have closed it.
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect; log all other errors."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            logger.exception("The simulator failed to process a request.")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Send head and body in one write: separately, a delayed ACK costs 40 ms per request on a kept-alive connection.
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.track(self.connection, is_open=True)

    def finish(self) -> None:
        self.server.track(self.connection, is_open=False)
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
        # Google's client library sends a query of more than 2,048 characters as a form.
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
            self.server.stopping.wait()
            self.close_connection = True
        except Reset:
            # Lingering for 0 s closes the connection with RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        logger.info("%s %s %s %.1f ms", self.command, url.path, status, (time.perf_counter() - began) * 1000)

    def _send(self, answer: Response) -> None:
        body = answer.body
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if answer.chunks is None and len(body) >= _GZIP_MIN_SIZE and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string(self.server.simulator.clock.now().timestamp()))
        if answer.chunks is not None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._send_chunks(answer.chunks())
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_chunks(self, chunks: Iterable[bytes]) -> None:
        """Send chunks until the last one, or until the client disconnects or the simulator stops."""
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
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
    raise OSError(f"No free port found between {_PORTS.start} and {_PORTS.stop}.")
