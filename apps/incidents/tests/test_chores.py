"""A chore that fails is a problem that people see, until it works again."""

from importlib import import_module
from typing import Any
from unittest.mock import Mock

import pytest
from celery import current_app
from celery.app.trace import build_tracer
from django import db
from django.conf import settings

from apps.incidents.models import Incident

pytestmark = pytest.mark.django_db

CHORES = sorted(chore["task"] for chore in settings.CELERY_BEAT_SCHEDULE.values())


def run(name: str, monkeypatch: pytest.MonkeyPatch, does: Any) -> None:
    """Run a task as a worker does."""
    current_app.loader.import_default_modules()
    task = current_app.tasks[name]
    monkeypatch.setattr(task, "run", does)
    monkeypatch.setattr(task, "__trace__", None)
    build_tracer(name, task, app=current_app)("an-id", (), {})


def problems() -> list[str]:
    return [str(incident) for incident in Incident.objects.open()]


@pytest.mark.parametrize("name", CHORES)
def test_each_chore(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert import_module(name.rpartition(".")[0])
    short = name.rpartition(".")[2]
    for _ in range(2):
        run(name, monkeypatch, Mock(side_effect=ValueError("a secret")))
        expected = f"Regular task fails. {short} failed (ValueError). The worker's log has the details."
        assert problems() == [expected]
    run(name, monkeypatch, Mock(return_value=None))
    assert problems() == []


@pytest.mark.parametrize("passing", [db.OperationalError("locked"), ConnectionResetError()])
def test_what_passes_is_another_problem(monkeypatch: pytest.MonkeyPatch, passing: Exception) -> None:
    run(CHORES[0], monkeypatch, Mock(side_effect=passing))
    assert problems() == []


def test_other_tasks_say_so_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    run("apps.videos.tasks.process_trigger", monkeypatch, Mock(side_effect=ValueError))
    assert problems() == []
