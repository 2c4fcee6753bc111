import time
from typing import Any

from celery import shared_task
from celery.worker.control import inspect_command

from apps.incidents import incidents
from apps.incidents.notify import notify_pending

# After so many seconds no further message is begun: each address may take SEND_SECONDS, and a task that takes longer
# than Celery's time limit is killed.
NOTIFY_SECONDS = 40


@shared_task
def notify_admin() -> None:
    """Notify the admin of incidents that opened or closed."""
    incidents.close_expired()
    notify_pending(time.monotonic() + NOTIFY_SECONDS)


@inspect_command()
def wall_clock(state: Any) -> float:
    """Return the worker's time, in seconds since 1970: how the web server asks whether a worker is there."""
    return time.time()
