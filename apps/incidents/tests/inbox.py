"""A server that receives notifications."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest


@dataclass(frozen=True)
class Received:
    """A request that was accepted."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Inbox:
    """A webhook that keeps the messages it accepts.

    It refuses them all while `refuses` is set, and those to the paths in `refused`; it does not answer those in `slow`,
    and redirects those in `moved`.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refuses = False
        self.refused: set[str] = set()
        self.slow: set[str] = set()
        self.moved: dict[str, str] = {}
        self.stopped = False
        self.port = 0

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [one.content for one in self.received]

    @property
    def text(self) -> str:
        return " ".join(str(message) for message in self.messages)

    def at(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    """The only address of NOTIFY_URLS."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            while self.path in inbox.slow and not inbox.stopped:
                time.sleep(0.05)
            refused = inbox.refuses or self.path in inbox.refused
            elsewhere = inbox.moved.get(self.path)
            if not refused and not elsewhere:
                inbox.received.append(Received(self.path, dict(self.headers), body))
            self.send_response(307 if elsewhere else 500 if refused else 200)
            if elsewhere:
                self.send_header("Location", elsewhere)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        inbox.port = server.server_port
        settings.NOTIFY_URLS = f"json://127.0.0.1:{inbox.port}"
        yield inbox
        inbox.stopped = True
        server.shutdown()
