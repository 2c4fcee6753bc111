"""bin/run as a whole: it starts, reports wrong settings, restarts its parts, and stops without leaving processes."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.running import BASE_DIR, LONG, Windhover, clean_environment, running_windhover, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

PARTS = {"broker", "simulator", "web", "worker", "beat"}


@pytest.fixture(scope="module")
def windhover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windhover]:
    with running_windhover(tmp_path_factory.mktemp("windhover")) as running:
        wait_for(lambda: set(running.pids()) == PARTS, lambda: str(running.pids()))
        yield running


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONG,
    )


def start_again(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run config.run where it should exit with an error message."""
    return run(clean_environment(folder, environment), "-m", "config.run")


def test_it_shows_its_address(windhover: Windhover) -> None:
    assert f"windhover: {windhover.url}" in windhover.output
    assert str(windhover.state_dir) in windhover.output
    assert "videos from the demo" in windhover.output


def test_state_is_private(windhover: Windhover) -> None:
    assert windhover.state_dir.stat().st_mode & 0o777 == 0o700
    assert not any(file.stat().st_mode & 0o077 for file in windhover.state_dir.iterdir())


def test_commands_in_another_terminal_use_the_same_database(windhover: Windhover) -> None:
    assert run(windhover.environment, "manage.py", "watch", "kestrels").stdout == "Now watching “kestrels”.\n"


def test_a_command_with_other_settings_is_refused(windhover: Windhover) -> None:
    other = windhover.environment | {"YT_KEYS": "AIzaNotARealKeyOfAnybody"}
    refused = run(other, "manage.py", "watch", "kestrels")

    assert refused.returncode == 1
    assert refused.stdout.count("\n") == 1
    assert "YT_KEYS" in refused.stdout
    assert "differ from the running instance" in refused.stdout
    assert "AIza" not in refused.stdout
    assert not (windhover.state_dir / "windhover.sqlite3").exists()


def test_every_part_has_a_log(windhover: Windhover) -> None:
    assert {f"{part}.log" for part in PARTS} <= {file.name for file in (windhover.state_dir / "log").iterdir()}
    wait_for(lambda: "worker    | " in windhover.output, lambda: windhover.output)


def test_a_second_start_names_the_first(windhover: Windhover) -> None:
    second = start_again(windhover.state_dir.parent)

    assert second.returncode == 1
    assert second.stdout == f"windhover: already running: process {windhover.process.pid} at {windhover.url}.\n"


def test_a_used_port_names_the_variable(windhover: Windhover, tmp_path: Path) -> None:
    second = start_again(tmp_path, PORT=windhover.environment["PORT"])

    assert second.returncode == 1
    assert second.stdout.count("\n") == 1
    assert f"port {windhover.environment['PORT']} is used by another program: set PORT" in second.stdout


def test_the_port_of_the_simulator_is_checked_too(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path, {})
    with socket.create_server(("127.0.0.1", int(environment["PORT"]) + 1)):
        second = start_again(tmp_path, PORT=environment["PORT"])

    assert second.returncode == 1
    assert "is used by another program" in second.stdout
    assert "PORT" in second.stdout


def test_a_wrong_variable_stops_the_start(tmp_path: Path) -> None:
    start = start_again(tmp_path, FETCH_INTERVAL="often")

    assert start.returncode == 2
    assert start.stdout.count("\n") == 1
    assert start.stdout.startswith("windhover: FETCH_INTERVAL must be")


@pytest.mark.parametrize("part", ["beat", "worker", "web", "simulator", "broker"])
def test_a_killed_part_is_restarted(windhover: Windhover, part: str) -> None:
    killed = windhover.pids()[part]
    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: windhover.pids().get(part, killed) != killed, lambda: windhover.output)
    wait_for(windhover.answers, lambda: windhover.output)


def test_ctrl_c_stops_everything_and_data_stays(tmp_path: Path) -> None:
    account = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_PASSWORD": "kestrel-on-the-wind"}
    with running_windhover(tmp_path, **account) as windhover:
        wait_for(lambda: set(windhover.pids()) == PARTS, lambda: windhover.output)
        before = windhover.all_pids()
        assert len(before) > len(PARTS)

        assert windhover.stop() == 0
        assert windhover.all_pids() == set()
        assert not any(map(psutil.pid_exists, before))
        assert not windhover.answers()

    with running_windhover(tmp_path, **account) as windhover:
        assert accounts(windhover) == ["ada"]


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
    with running_windhover(folder) as windhover:
        wait_for(lambda: set(windhover.pids()) == PARTS, lambda: windhover.output)
        worker_log = windhover.state_dir / "log" / "worker.log"
        wait_for(lambda: "Connected to redis" in worker_log.read_text(), lambda: windhover.output)


def test_no_key_is_on_a_command_line_or_the_terminal(tmp_path: Path) -> None:
    # Nothing listens on port 9; the test only looks for the key.
    sources = {"YT_KEYS": "AIzaNotARealKey,shared=AIzaAnotherKey", "YOUTUBE_API_URL": "http://127.0.0.1:9"}
    with running_windhover(tmp_path, **sources) as windhover:
        wait_for(lambda: set(windhover.pids()) == PARTS - {"simulator"}, lambda: windhover.output)
        commands = [word for pid in windhover.pids().values() for word in psutil.Process(pid).cmdline()]
        assert "worker" in commands
        assert not any("AIza" in word for word in commands)
        assert "videos from YouTube, 2 keys in 2 projects" in windhover.output
        assert "AIza" not in windhover.output


def test_it_runs_on_postgresql(postgres: str, tmp_path: Path) -> None:
    sources = {"INVIDIOUS_URL": "http://127.0.0.1:9", "DATABASE_URL": postgres}
    with running_windhover(tmp_path, **sources) as windhover:
        worker_log = windhover.state_dir / "log" / "worker.log"
        wait_for(lambda: worker_log.exists() and " ready." in worker_log.read_text(), lambda: windhover.output)
        assert "videos from Invidious at http://127.0.0.1:9" in windhover.output
        assert not list(windhover.state_dir.glob("*.sqlite3"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_stop_everything_too(tmp_path: Path, number: signal.Signals) -> None:
    with running_windhover(tmp_path) as windhover:
        os.kill(windhover.process.pid, number)

        assert windhover.process.wait(LONG) == 0
        assert windhover.all_pids() == set()
