"""A running bin/run: what it shows and writes, a second start beside it, and parts that are stopped or killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.running import BASE_DIR, LONG, PARTS, Windhover, clean_environment, running_windhover, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(500)]


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


def test_the_state_folder_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to("elsewhere")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        start = start_again(tmp_path, PORT=str(taken.getsockname()[1]))

    assert "is used by another program" in start.stdout, "it begins to start"


def test_a_wrong_variable_stops_the_start(tmp_path: Path) -> None:
    start = start_again(tmp_path, FETCH_INTERVAL="often")

    assert start.returncode == 2
    assert start.stdout.count("\n") == 1
    assert start.stdout.startswith("windhover: FETCH_INTERVAL must be")


NOT_RESPONDING = {"Worker not responding", "Beat not responding"}


def shown(windhover: Windhover) -> set[str]:
    """Return which of the problems the page shows."""
    page = urlopen(f"{windhover.url}/keywords/", timeout=30).read().decode()
    return {problem for problem in NOT_RESPONDING if f"{problem}.</strong>" in page}


def test_parts_that_are_stopped_are_shown_until_they_go_on(windhover: Windhover) -> None:
    parts = [windhover.pids()[name] for name in ("worker", "beat")]
    for pid in parts:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: shown(windhover) == NOT_RESPONDING, lambda: f"{shown(windhover)}\n{windhover.output}", 240)
    for pid in parts:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: shown(windhover) == set(), lambda: f"{shown(windhover)}\n{windhover.output}", 120)


@pytest.mark.parametrize("part", ["beat", "worker", "web", "simulator", "broker"])
def test_a_killed_part_is_restarted(windhover: Windhover, part: str) -> None:
    killed = windhover.pids()[part]
    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: windhover.pids().get(part, killed) != killed, lambda: windhover.output)
    wait_for(windhover.answers, lambda: windhover.output)
