"""Behind PgBouncer Windhover starts if sessions are pooled, and otherwise says what to change."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.needs import missing
from tests.running import BASE_DIR, clean_environment, free_ports, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

Pooler = Callable[..., str]

CONFIGURATION = """
[databases]
* = host={host} user=windhover
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
unix_socket_dir =
"""


@pytest.fixture
def pooler(postgres: str, tmp_path: Path) -> Iterator[Pooler]:
    """Start PgBouncer with the given settings; return the address of the empty database behind it."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running_pooler(postgres, tmp_path, options))


@contextmanager
def running_pooler(database: str, folder: Path, options: dict[str, str]) -> Iterator[str]:
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer") or missing("PgBouncer")
    port, (host, name) = free_ports(), database.partition("@")[2].split("/")
    text = CONFIGURATION.format(host=host.replace("%2F", "/"), port=port)
    text += "".join(f"{name} = {value}\n" for name, value in options.items())
    # It refuses to run as root.
    user = "nobody" if os.getuid() == 0 else None
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(text)
        file.flush()
        os.chmod(file.name, 0o644)
        process = subprocess.Popen([program, "-q", file.name], user=user)
        url = f"postgres://windhover@127.0.0.1:{port}/{name}"
        try:
            wait_for(lambda: answers(url), lambda: "PgBouncer does not answer", 20)
            yield url
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def prepare(folder: Path, url: str) -> str:
    """Prepare the database as a start does; return what is printed."""
    environment = clean_environment(folder, {"DATABASE_URL": url, "YT_KEYS": "a=key"})
    done = subprocess.run(
        [sys.executable, "-m", "config.prepare"],
        cwd=BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert bool(done.stdout) == bool(done.returncode), done.stdout
    return done.stdout


def test_pooled_sessions(pooler: Pooler, postgres: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("ALTER DATABASE windhover SET lock_timeout = '20s'")
    assert prepare(tmp_path, pooler(pool_mode="session", ignore_startup_parameters="options")) == ""


def test_a_pooler_that_ignores_timeouts(pooler: Pooler, tmp_path: Path) -> None:
    url = pooler(pool_mode="session", ignore_startup_parameters="options")
    assert "a pooler that ignores Windhover's lock_timeout: see docs/running.md" in prepare(tmp_path, url)


def test_a_pooler_that_refuses_timeouts(pooler: Pooler, tmp_path: Path) -> None:
    assert "a pooler that refuses `options`: see docs/running.md" in prepare(tmp_path, pooler(pool_mode="session"))


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_pooled_transactions(pooler: Pooler, tmp_path: Path, mode: str) -> None:
    url = pooler(pool_mode=mode, ignore_startup_parameters="options")
    assert "set it to pool sessions (pool_mode = session)" in prepare(tmp_path, url)


def test_without_a_pooler(postgres: str, tmp_path: Path) -> None:
    assert prepare(tmp_path, postgres) == ""
