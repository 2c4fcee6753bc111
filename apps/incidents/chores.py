"""Chores that fail: what they do is not done, which only the worker's log would say."""

import logging
from typing import Any, Final

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from django import db
from django.conf import settings

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.incidents.parts import BROKER_ERRORS

logger = logging.getLogger(__name__)

_CHORES: Final = {chore["task"] for chore in settings.CELERY_BEAT_SCHEDULE.values()}

# What passes, and is a problem of another kind while it lasts; and what the worker's first process reports, which uses
# no database: a process was killed.
_OTHERS: Final = (db.OperationalError, db.InterfaceError, *BROKER_ERRORS, WorkerLostError, TimeLimitExceeded)


def on_failure(sender: Any, exception: BaseException, **_: Any) -> None:
    """Open an incident of a chore that has failed."""
    if sender.name in _CHORES and not isinstance(exception, _OTHERS):
        what = f"{_short(sender.name)} failed ({type(exception).__name__})."
        _record(sender.name, f"{what} The worker's log has the details.")


def on_success(sender: Any, **_: Any) -> None:
    """Close the incident of a chore that works again."""
    if sender.name in _CHORES:
        _record(sender.name, "")


def _record(name: str, problem: str) -> None:
    try:
        if problem:
            incidents.open(Incident.Kind.CHORE_FAILS, problem, subject=_short(name))
        else:
            incidents.close(Incident.Kind.CHORE_FAILS, subject=_short(name))
    except db.Error:  # the next run records it
        logger.exception("whether %s works could not be recorded", name)


def _short(name: str) -> str:
    return name.rpartition(".")[2]
