import time
from typing import Any

from celery import shared_task
from celery.worker.control import inspect_command

from apps.incidents import incidents
from apps.incidents.notify import notify_pending


@shared_task
def notify_admin() -> None:
    """Notify the admin of incidents that opened or closed."""
    incidents.close_expired()
    notify_pending()


@inspect_command()
def wall_clock(state: Any) -> float:
    """Return the worker's time, in seconds since 1970: how the web server asks whether a worker is there."""
    return time.time()
