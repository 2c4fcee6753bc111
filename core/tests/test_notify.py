"""The admin is told, through a real webhook."""

import json
import logging
import os
import subprocess
import sys
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


def test_no_password_of_an_address_is_logged() -> None:
    """With the settings' logging: Apprise names by itself the addresses it cannot read."""
    code = (
        "import logging.config; from config import settings; logging.config.dictConfig(settings.LOGGING);"
        "from core.notify import notify; notify(settings.NOTIFY_URLS, 'title', 'body');"
        "logging.getLogger('anything').error('sent to %s', settings.NOTIFY_URLS)"
    )
    environment = os.environ | {"NOTIFY_URLS": "discord://hunter2", "WINDHOVER_ENV_FILE": os.devnull}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "sent to [hidden]" in ran.stderr
    assert "hunter2" not in ran.stderr + ran.stdout
