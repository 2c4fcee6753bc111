"""A worker and beat that are stopped, not dead, are shown on every page, and no longer when they go on."""

import os
import signal
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.running import Windhover, running_windhover, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(500)]

STOPPED = {"Worker not responding", "Beat not responding"}


def shown(windhover: Windhover) -> set[str]:
    """Return which of the problems the page shows."""
    page = urlopen(f"{windhover.url}/keywords/", timeout=30).read().decode()
    return {problem for problem in STOPPED if f"{problem}.</strong>" in page}


def test_it_works(tmp_path: Path) -> None:
    with running_windhover(tmp_path) as windhover:
        wait_for(lambda: {"worker", "beat"} <= windhover.pids().keys(), lambda: windhover.output)
        parts = [windhover.pids()[name] for name in ("worker", "beat")]
        for pid in parts:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: shown(windhover) == STOPPED, lambda: f"{shown(windhover)}\n{windhover.output}", 240)
        for pid in parts:
            os.kill(pid, signal.SIGCONT)
        wait_for(lambda: shown(windhover) == set(), lambda: f"{shown(windhover)}\n{windhover.output}", 120)
