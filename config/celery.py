"""The Celery application; its settings are the CELERY_* names of Django's settings."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_before_create_process, worker_init

from config.preloading import share

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Django's checks of the code have run before (config.prepare); each process would repeat them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = Celery("windhover")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def check_machine(**_: Any) -> None:
    """Do what bin/run does before, but no one may have done on a further machine: make the state folder, and exit if
    the database is of another version, or behind a pooler."""
    from django.conf import settings
    from django.db import connections

    from config.database_version import check_database
    from config.pooling import check_pooling
    from config.state import CannotStart, make_state_folder

    try:
        if not settings.STATE_DIR.exists():
            make_state_folder(settings.STATE_DIR)
        check_pooling()
        check_database()
    except CannotStart as error:
        sys.exit(f"windhover: {error}")
    finally:
        connections.close_all()  # processes that are forked must not share it


@worker_before_create_process.connect
def share_memory(**_: Any) -> None:
    share()
