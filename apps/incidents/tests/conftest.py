"""A server that receives notifications, and frozen time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import time_machine

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Inbox:
    """A webhook that keeps the messages it accepts. It refuses them all while `refuses` is set."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refuses = False
        self.port = 0

    @property
    def text(self) -> str:
        return " ".join(str(message) for message in self.messages)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time, frozen at NOW until the test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    """The only address of NOTIFY_URLS."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not inbox.refuses:
                inbox.messages.append(body)
            self.send_response(500 if inbox.refuses else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        inbox.port = server.server_port
        settings.NOTIFY_URLS = f"json://127.0.0.1:{inbox.port}"
        yield inbox
        server.shutdown()
