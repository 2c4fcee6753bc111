"""A server that receives notifications."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest


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
