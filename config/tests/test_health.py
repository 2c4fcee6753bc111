"""The health checks for docker compose."""

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from apps.incidents.models import Heartbeat
from config import health


class Ping(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ping/" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_it_asks_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Ping) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv("PORT", str(server.server_port))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert health.web()


@pytest.mark.django_db
def test_beat_is_healthy_while_its_heart_beats() -> None:
    assert not health.beat()
    row = Heartbeat.objects.create(part="beat", beat_at=timezone.now())
    assert health.beat()
    row.beat_at -= timedelta(minutes=2)
    row.save()
    assert not health.beat()
