"""Ask the WSGI application as a web server does: with any bytes, and without Django's test client, which raises."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core import signals
from django.db import close_old_connections
from django.utils.module_loading import import_string


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Be the WSGI application, in the transaction of the test."""
    # As in Django's test client: the test's transaction needs its connection.
    signals.request_started.disconnect(close_old_connections)
    try:
        response: Iterable[bytes] = import_string(settings.WSGI_APPLICATION)(environ, start_response)
        return response
    finally:
        signals.request_started.connect(close_old_connections)


def ask(method: str, address: str, headers: Mapping[str, str] = {}, body: bytes = b"") -> Answer:
    """Send a request; `address` is percent-encoded, and headers are as web servers decode them, from Latin-1."""
    path, _, query = address.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8000",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    given: list[Any] = []
    response = application(environ, lambda *started: given.extend(started))
    return Answer(int(given[0].split()[0]), dict(given[1]), b"".join(response))
