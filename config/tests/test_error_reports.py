"""Errors are reported to SENTRY_DSN, without secrets."""

import gzip
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

KEY, COOKIE, TYPED = "a-key-of-the-test", "a-cookie-of-the-test", "typed-into-a-form"

# A page fails, since the database has no tables; then a forked process, as of a worker, logs an error.
FAIL = f"""
import logging, os
import django
django.setup()
from django.test import Client
client = Client(raise_request_exception=False, SERVER_NAME="localhost")
client.cookies["c"] = "{COOKIE}"
assert client.post("/api/keywords/", {{"keyword": "{TYPED}"}}, "application/json").status_code >= 500
import sentry_sdk
sentry_sdk.flush()  # a process that is forked has the reports that wait, too
if not os.fork():
    logging.getLogger("apps.x").error("refused %s of %s", "{KEY}", {{"keys": ["{KEY}"]}})
    sentry_sdk.flush()
    os._exit(0)
os.wait()
"""


class Receiver(HTTPServer):
    """A server that keeps the reports it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Report)
        self.events: list[Any] = []
        self.elsewhere = ""
        self.received = ""


class Report(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = (gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body).decode()
        self.server.received += f"{self.headers}{text}"
        self.server.events.append(json.loads(text.splitlines()[2]))
        self.send_response(307 if self.server.elsewhere else 200)
        if self.server.elsewhere:
            self.send_header("Location", self.server.elsewhere)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_it_works(tmp_path: Path) -> None:
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        variables = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "WINDHOVER_ENV_FILE": os.devnull,
            "STATE_DIR": str(tmp_path),
            "YT_KEYS": KEY,
            "SENTRY_DSN": f"http://public@127.0.0.1:{receiver.server_port}/1",
        }
        subprocess.run([sys.executable, "-c", FAIL], env=os.environ | variables, timeout=60, check=True)
        receiver.shutdown()

    page, forked = receiver.events
    assert page["exception"]["values"][-1]["value"].startswith("no such table")
    assert page["logentry"]["formatted"] == "Service Unavailable: /api/keywords/"
    assert forked["logentry"]["formatted"] == "refused [hidden] of {'keys': ['[hidden]']}"
    assert [secret for secret in (KEY, COOKIE, TYPED) if secret in receiver.received] == []
    assert "request" not in page
    assert all("vars" not in frame for frame in page["exception"]["values"][-1]["stacktrace"]["frames"])


def test_redirects_are_not_followed() -> None:
    report = (
        "import logging, os, sentry_sdk; from config.error_reports import report_errors;"
        "report_errors(os.environ['DSN'], '1', []); logging.error('x'); sentry_sdk.flush()"
    )
    with Receiver() as receiver, Receiver() as other:
        for server in (receiver, other):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        receiver.elsewhere = f"http://127.0.0.1:{other.server_port}/"
        dsn = {"DSN": f"http://public@127.0.0.1:{receiver.server_port}/1"}
        subprocess.run([sys.executable, "-c", report], env=os.environ | dsn, timeout=60, check=True)
        for server in (receiver, other):
            server.shutdown()
    assert len(receiver.events) == 1
    assert other.events == []


def test_the_library_is_not_loaded_without_it() -> None:
    code = "import sys, config.settings; sys.exit('sentry_sdk' in sys.modules)"
    variables = {"WINDHOVER_ENV_FILE": os.devnull, "SENTRY_DSN": "", "SECRET_KEY": "x"}
    subprocess.run([sys.executable, "-c", code], env=os.environ | variables, timeout=60, check=True)


@pytest.mark.parametrize(
    "value",
    ["sentry.example", "https://s3cr3t.example/1", "https://s3cr3t@h/", "ftp://s3cr3t@h/1", "https://s3cr3t@[/1"],
)
def test_a_wrong_address_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("THING", value)
    with pytest.raises(ImproperlyConfigured) as error:
        env.sentry_dsn("THING")
    assert str(error.value) == "THING must be a DSN such as https://key@sentry.example.org/1."
