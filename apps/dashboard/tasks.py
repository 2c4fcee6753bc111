"""What Celery runs for the pages."""

from celery import shared_task
from django.core.management import call_command


@shared_task
def clear_sessions() -> None:
    """Delete the sessions that have expired, which Django leaves to a regular task."""
    call_command("clearsessions")
