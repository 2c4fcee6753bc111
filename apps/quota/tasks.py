from celery import shared_task

from apps.quota import troubles


@shared_task
def tell_troubles() -> None:
    """Tell the admin what began and what is over, each once."""
    troubles.end_lapsed()
    troubles.tell()
