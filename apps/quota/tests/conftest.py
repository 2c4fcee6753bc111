"""Keys to configure, and a ledger in a separate database that several connections can use."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
import time_machine
from django.db import connection, connections
from pytest_django import DjangoDbBlocker, Settings

from apps.quota import keys
from apps.quota.models import ApiKey, QuotaSpend

# 04:00 in California, four hours after the reset.
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

# The cooldown of a key after an unknown refusal.
COOLDOWN = timedelta(minutes=15)

UseKeys = Callable[..., list[ApiKey]]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time, frozen at NOW until the test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def use_keys(db: None, settings: Settings) -> UseKeys:
    """Set YT_KEYS to these `key` or `project=key` texts and return their rows, as after a start."""

    def use(*texts: str) -> list[ApiKey]:
        parts = [text.rpartition("=") for text in texts]
        settings.YT_KEYS = [(project, key) for project, _, key in parts]
        keys.sync()
        return list(ApiKey.objects.order_by("position"))

    return use


def used(project: str, bucket: str = "search") -> int:
    """Return what the ledger has counted, over all days."""
    return sum(QuotaSpend.objects.filter(project=project, bucket=bucket).values_list("used", flat=True))


@pytest.fixture(params=["sqlite", "postgresql"])
def in_thread(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Callable[..., list[Any]]]:
    """A function that runs `work` in several threads, each with its own connection to the same ledger.

    The tests' own database is in memory, or inside a transaction: other connections would see nothing of it.
    """
    if request.param == "sqlite":
        database = {**connections.databases["default"], "NAME": str(tmp_path / "ledger.sqlite3")}
    else:
        database = dj_database_url.parse(request.getfixturevalue("postgres"))
    configured = connections.configure_settings({"default": dict(database)})
    monkeypatch.setitem(connections.databases, "default", configured["default"])

    def run(work: Callable[[], Any], threads: int = 1) -> list[Any]:
        def with_connection(_: int) -> Any:
            try:
                return work()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(with_connection, range(threads)))

    def make_table() -> None:
        with connection.schema_editor() as editor:
            editor.create_model(QuotaSpend)

    with django_db_blocker.unblock():
        run(make_table)
        yield run
