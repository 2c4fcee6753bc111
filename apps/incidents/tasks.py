from celery import shared_task

from apps.incidents import incidents
from apps.incidents.notify import notify_pending


@shared_task
def notify_admin() -> None:
    """Notify the admin of incidents that opened or closed."""
    incidents.close_expired()
    notify_pending()
