"""Processes that a killed instance left running: found by the file they hold open, and ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config import orphans

IGNORE_TERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def test_it_kills_what_ignores_term(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(orphans, "GRACE_SECONDS", 0)
    descriptor = orphans.open_inherited_file(tmp_path)
    with subprocess.Popen([sys.executable, "-c", IGNORE_TERM], pass_fds=[descriptor], stdout=subprocess.PIPE) as orphan:
        os.close(descriptor)
        assert orphan.stdout
        orphan.stdout.readline()
        messages: list[str] = []
        orphans.end_orphans(tmp_path, messages.append)

    assert orphan.returncode == -signal.SIGKILL
    assert messages == [f"a killed instance left processes {orphan.pid} running; ending them first"]
