"""A database of an earlier version is upgraded by the next start: every row is kept, and fetching goes on."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from simulator import Project, Simulator, World
from tests.running import BASE_DIR, clean_environment

EARLIER = "7d5220e"

# Both begin as a start does, but without collecting static files, which takes longest.
START = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from config import prepare
prepare.collect_static_files = lambda: None
prepare.prepare()
from django.conf import settings
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import *
"""
USE = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone

falcon, owl = (KeyWordEntry.objects.create(keyword=word, interval=3600) for word in ("peregrine falcon", "日本語 🦉"))
for entry in (falcon, owl):
    assert fetch_keyword(entry, VideoLog.Trigger.MANUAL).status == "done"
starred = Video.objects.filter(pk__in=list(Video.objects.values_list("pk", flat=True)[:3]))
starred.update(starred_at=timezone.now(), tags=["日本", "🐦"])
HidingRule.objects.create(kind="word", value="recorded", keyword=falcon, created_at=timezone.now())
SearchGap.objects.create(keyword=owl, after=timezone.now() - timedelta(hours=1), before=timezone.now())
User.objects.create_user("reader", password="a password of some length")
"""
GO_ON = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute(f"VACUUM INTO '{settings.STATE_DIR}/upgraded.sqlite3'")
entry = KeyWordEntry.objects.get(keyword="peregrine falcon")
known = Video.objects.count()
assert Video.objects.search("peregrine").exists()
log = fetch_keyword(entry, VideoLog.Trigger.MANUAL)
assert log.status == "done" and log.method == "youtube" and log.number_found > 0, log.message
assert Video.objects.count() >= known
"""


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The code of an earlier commit."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    try:
        # The owner of the files may be another user, as in a container.
        archive = subprocess.run(
            ["git", "-c", f"safe.directory={BASE_DIR}", "archive", EARLIER, "pyproject.toml", "config", "core", "apps"],
            cwd=BASE_DIR,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"git, or commit {EARLIER} in this repository's history, is missing")
    subprocess.run(["tar", "--extract"], cwd=folder, input=archive.stdout, check=True)
    return folder


@pytest.fixture
def youtube() -> Iterator[Simulator]:
    world = World(seed=5, rate=20, index_delay=0)
    with Simulator(world, projects=[Project("one", ["the-only-key"])]) as simulator:
        yield simulator


def rows_of(database: Path, tables: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the rows of each table, with these columns, as texts."""
    with closing(sqlite3.connect(database)) as file:
        return {
            name: sorted(map(repr, file.execute(f"SELECT {', '.join(columns)} FROM {name}")))
            for name, columns in tables.items()
        }


def columns_of(database: Path) -> dict[str, list[str]]:
    """Return the columns of each table that people and fetches fill. What a start writes itself is left out."""
    with closing(sqlite3.connect(database)) as file:
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [row[1] for row in file.execute(f"PRAGMA table_info({name})")]
            for name in names
            if name.startswith(("videos_", "quota_", "auth_user")) and not name.startswith("videos_fulltext")
        }


def test_it_works(earlier: Path, youtube: Simulator, tmp_path: Path) -> None:
    environment = clean_environment(
        tmp_path, {"YT_KEYS": "one=the-only-key", "YOUTUBE_API_URL": youtube.youtube_url, "REDIS_HOST": "127.0.0.1:9"}
    )

    def run(code: Path, script: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=code, env=environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stderr[-5000:]

    run(earlier, START + USE)
    database = Path(environment["STATE_DIR"]) / "windhover.sqlite3"
    columns = columns_of(database)
    before = rows_of(database, columns)
    assert len(before["videos_video"]) > 50
    assert all(before[f"videos_{name}"] for name in ("match", "videolog", "hidingrule", "searchgap"))

    run(Path(BASE_DIR), START + GO_ON)
    assert rows_of(database.with_name("upgraded.sqlite3"), columns) == before
    assert set(columns_of(database)["videos_video"]) > set(columns["videos_video"]), "the schema has changed"
