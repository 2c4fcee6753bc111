"""The admin is told, through a real webhook."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from core.notify import notify


class Webhook(HTTPServer):
    """Keeps what it is sent; answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.told: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_it_works(webhook: Webhook) -> None:
    assert notify(f"json://127.0.0.1:{webhook.server_port}/hook", "A key was refused", "It has expired.")
    ((title, message),) = [(told["title"], told["message"]) for told in webhook.told]
    assert (title, message) == ("A key was refused", "It has expired.")


@pytest.mark.parametrize("between", [",", " ", ", "])
def test_it_tells_several(webhook: Webhook, between: str) -> None:
    address = f"json://127.0.0.1:{webhook.server_port}"
    assert notify(f"{address}/one{between}{address}/two", "Title", "Body")
    assert len(webhook.told) == 2


@pytest.mark.parametrize("addresses", ["", "   ", "nonsense", "no-such-service://host"])
def test_it_handles_no_address(addresses: str) -> None:
    assert not notify(addresses, "Title", "Body")


def test_it_handles_a_webhook_that_fails(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    webhook.status = 500
    with caplog.at_level(logging.WARNING, logger="core.notify"):
        assert not notify(f"json://me:a-password@127.0.0.1:{webhook.server_port}/", "A key was refused", "Body")
    (record,) = [record for record in caplog.records if record.name == "core.notify"]
    assert "A key was refused" in record.getMessage()
    assert "a-password" not in caplog.text
