"""Tell by the exit code whether a part does its work: what the health checks of docker-compose.yml call."""

import os
import socket
import sys
from datetime import timedelta
from urllib.request import urlopen


def web() -> bool:
    """Ask the page that touches nothing else."""
    with urlopen(f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/ping/", timeout=5) as answer:
        return bool(answer.status == 200)


def worker() -> bool:
    """Ask this machine's worker, through the broker, whether it still takes messages."""
    from config.celery import app

    return bool(app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=10))


def beat() -> bool:
    """Look for a sign of life that is not too old.

    A chore is due each minute; beat notes in the database, at most three minutes late, when it sent it.
    """
    import django

    django.setup()
    from django.utils import timezone
    from django_celery_beat.models import PeriodicTask

    return bool(PeriodicTask.objects.filter(last_run_at__gt=timezone.now() - timedelta(minutes=10)).exists())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    parts = {"web": web, "worker": worker, "beat": beat}
    sys.exit(0 if parts[sys.argv[1]]() else 1)
