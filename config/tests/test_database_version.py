"""A database of another version is refused before anything is written to it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from config.environment import BASE_DIR

COMMANDS = [
    ["-m", "config.prepare"],
    ["manage.py", "migrate"],
    ["manage.py", "watch", "kestrels"],
    ["-m", "celery", "-A", "config", "worker", "--pool=solo"],
    ["-m", "celery", "-A", "config", "beat", "--pidfile="],
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version."""
    folder = tmp_path_factory.mktemp("versions")
    assert run(folder, "manage.py", "migrate", "--verbosity=0").returncode == 0
    return folder / "windhover.sqlite3"


def run(state_dir: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {"PATH": os.environ["PATH"], "WINDHOVER_ENV_FILE": os.devnull, "STATE_DIR": str(state_dir), "YT_KEYS": "key"}
    own |= variables
    return subprocess.run([sys.executable, *command], cwd=BASE_DIR, env=own, capture_output=True, text=True, timeout=60)


def copy_with(database: Path, folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(folder / database.name)) as copy:
        source.backup(copy)
        with copy:
            copy.execute(statement)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_newer_database_is_refused(database: Path, tmp_path: Path, command: list[str]) -> None:
    newer = "INSERT INTO django_migrations (app, name, applied) VALUES ('videos', '0099_later', '2030-01-01')"
    copy_with(database, tmp_path, newer)
    refused = run(tmp_path, *command)
    assert refused.returncode == 1
    assert refused.stderr.rstrip().endswith(
        "windhover: the database is of a newer version of Windhover (videos.0099_later): "
        "start that version, or restore a backup from before the upgrade."
    )
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", COMMANDS[:2], ids=" ".join)
def test_a_database_from_before_the_first_tables_is_refused(database: Path, tmp_path: Path, command: list[str]) -> None:
    copy_with(database, tmp_path, "CREATE TABLE quota_trouble (id integer)")
    refused = run(tmp_path, *command)
    assert refused.returncode == 1
    assert refused.stderr.startswith("windhover: the database was created before 26 November 2026")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_store_all_characters_is_refused(
    tmp_path: Path, postgres_cluster: str, encoding: str
) -> None:
    """As of a cluster that was made in the locale C."""
    with psycopg.connect(postgres_cluster, autocommit=True) as cluster:
        cluster.execute(f"CREATE DATABASE {encoding} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    url = f"{postgres_cluster.rpartition('/')[0]}/{encoding.lower()}"
    refused = run(tmp_path, "-m", "config.prepare", DATABASE_URL=url)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"windhover: the database's encoding is {encoding}, in which")
    assert refused.stderr.count("\n") == 1


def test_what_others_recorded_does_not_matter(database: Path, tmp_path: Path) -> None:
    other = "INSERT INTO django_migrations (app, name, applied) VALUES ('removed_app', '0001_initial', '2030-01-01')"
    copy_with(database, tmp_path, other)
    assert run(tmp_path, "manage.py", "migrate", "--verbosity=0").returncode == 0


def test_a_newer_database_can_be_read(database: Path, tmp_path: Path) -> None:
    newer = "INSERT INTO django_migrations (app, name, applied) VALUES ('videos', '0099_later', '2030-01-01')"
    copy_with(database, tmp_path, newer)
    assert run(tmp_path, "manage.py", "dumpdata", "videos").returncode == 0


def test_machines_that_start_at_once_prepare_an_empty_database_in_turn(tmp_path: Path, postgres: str) -> None:
    own = {"PATH": os.environ["PATH"], "WINDHOVER_ENV_FILE": os.devnull, "YT_KEYS": "key", "DATABASE_URL": postgres}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "config.prepare"],
            cwd=BASE_DIR,
            env=own | {"STATE_DIR": str(tmp_path / name)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    assert [(machine.communicate(timeout=120)[1], machine.returncode) for machine in started] == [("", 0)] * 2
