"""Check one part, for docker-compose.yml: exit code 0 if it works, 1 if not."""

import os
import socket
import sys
from datetime import timedelta
from urllib.request import ProxyHandler, build_opener


def web() -> bool:
    """Return whether the web server and its database work.

    Not /healthz/, which is also failing while the worker or the broker is gone: restarting web would not bring it back.
    """
    return responds(port(), "/ping/")


def simulator() -> bool:
    """Return whether the demo's simulator responds."""
    return responds(port() + 1, "/_control/clock")


def worker() -> bool:
    """Return whether this machine's worker replies through the broker."""
    from config.celery import app

    return bool(app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=10))


def beat() -> bool:
    """Return whether beat has written its heartbeat within the last minute; it does so every 15 seconds."""
    import django

    django.setup()
    from django.utils import timezone

    from apps.incidents.models import Heartbeat

    return Heartbeat.objects.filter(part="beat", beat_at__gt=timezone.now() - timedelta(minutes=1)).exists()


def port() -> int:
    return int(os.environ.get("PORT") or 8000)


def responds(port: int, path: str) -> bool:
    directly = build_opener(ProxyHandler({}))
    with directly.open(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return bool(response.status == 200)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    parts = {"web": web, "worker": worker, "beat": beat, "simulator": simulator}
    sys.exit(0 if parts[sys.argv[1]]() else 1)
