"""The Celery application; its settings are the CELERY_* names of Django's settings."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("windhover")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def check_machine(**_: Any) -> None:
    """Exit if the database is of another version, or behind a pooler, as it may be on a further machine."""
    from config.database_version import check_database
    from config.pooling import check_pooling
    from config.state import CannotStart

    try:
        check_pooling()
        check_database()
    except CannotStart as error:
        sys.exit(f"windhover: {error}")
