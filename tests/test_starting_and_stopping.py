"""bin/run starts in any folder and on PostgreSQL, and stops without leaving processes."""

import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from tests.running import PARTS, Windhover, running_windhover, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

# Ctrl-C, a service manager, and closing the terminal.
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def test_signals_stop_everything_and_data_stays(tmp_path: Path) -> None:
    account = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_PASSWORD": "kestrel-on-the-wind"}
    for number in SIGNALS:
        with running_windhover(tmp_path, **account) as windhover:
            assert accounts(windhover) == ["ada"]
            wait_for(lambda: set(windhover.pids()) == PARTS, lambda: windhover.output)
            before = windhover.all_pids()
            assert len(before) > len(PARTS)

            assert windhover.stop(number) == 0
            assert windhover.all_pids() == set()
            assert not any(map(psutil.pid_exists, before))
            assert not windhover.answers()
        account = {}


def accounts(windhover: Windhover) -> list[str]:
    with closing(sqlite3.connect(windhover.state_dir / "demo.sqlite3")) as database:
        return [name for (name,) in database.execute("SELECT username FROM auth_user")]


def test_a_start_after_a_kill_ends_the_orphans(tmp_path: Path) -> None:
    with running_windhover(tmp_path) as windhover:
        wait_for(lambda: set(windhover.pids()) == PARTS, lambda: windhover.output)
        port = windhover.environment["PORT"]
        windhover.process.kill()
        windhover.process.wait()
        orphans = windhover.all_pids()
        assert orphans

        with running_windhover(tmp_path, PORT=port) as following:
            assert "ending them first" in following.output
            assert not orphans & following.all_pids()


def test_it_runs_in_a_long_path_with_special_characters(tmp_path: Path) -> None:
    folder = tmp_path / "with spaces, 100 % and #1" / ("long" * 25)
    folder.mkdir(parents=True)
    with running_windhover(folder, first=True) as windhover:
        wait_for(lambda: set(windhover.pids()) == PARTS, lambda: windhover.output)
        worker_log = windhover.state_dir / "log" / "worker.log"
        wait_for(lambda: "Connected to redis" in worker_log.read_text(), lambda: windhover.output)
        # Static files, which this start has collected, are known to the web server.
        with urlopen(windhover.url) as page:
            (sheet, *_) = re.findall(r'href="(/static/[^"]+\.css)"', page.read().decode())
        with urlopen(windhover.url + sheet) as response:
            assert response.headers["Content-Type"].startswith("text/css")


def test_it_runs_on_postgresql(postgres: str, tmp_path: Path) -> None:
    sources = {"INVIDIOUS_URL": "http://127.0.0.1:9", "DATABASE_URL": postgres}
    with running_windhover(tmp_path, **sources) as windhover:
        worker_log = windhover.state_dir / "log" / "worker.log"
        wait_for(lambda: worker_log.exists() and " ready." in worker_log.read_text(), lambda: windhover.output)
        assert "videos from Invidious at http://127.0.0.1:9" in windhover.output
        assert not list(windhover.state_dir.glob("*.sqlite3"))
