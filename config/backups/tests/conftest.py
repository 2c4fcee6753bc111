"""A database in a file, in a state folder of its own, that other threads and copies can use."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker, Settings

from apps.conftest import sent
from apps.videos.tests.conftest import connected_to, migrated_sqlite

__all__ = ["migrated_sqlite", "sent"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, settings: Settings, sent: Any, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """An empty state folder."""
    folder = tmp_path / "state"
    folder.mkdir()
    settings.STATE_DIR = folder
    with django_db_blocker.unblock():
        yield folder


@pytest.fixture
def source(migrated_sqlite: Path, state: Path) -> Iterator[Path]:
    """A SQLite database with Windhover's tables, as the default one."""
    file = Path(shutil.copy(migrated_sqlite, state / "windhover.sqlite3"))
    with connected_to(f"sqlite:///{file}"):
        yield file
