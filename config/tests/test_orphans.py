"""Processes that a killed instance left running: found by the file they hold open, and ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config import orphans

IGNORE_TERM = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
LOSE_THE_FIRST_TERM = "signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))"


def test_it_kills_what_ignores_term(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(orphans, "GRACE_SECONDS", 0)
    messages: list[str] = []
    orphan = end_orphan(tmp_path, IGNORE_TERM, messages)

    assert orphan.returncode == -signal.SIGKILL
    assert messages == [f"a killed instance left processes {orphan.pid} running; ending them first"]


def test_it_sends_term_again_to_what_lost_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(orphans, "REPEAT_SECONDS", 0.2)
    assert end_orphan(tmp_path, LOSE_THE_FIRST_TERM, []).returncode == -signal.SIGTERM


def end_orphan(folder: Path, handler: str, messages: list[str]) -> subprocess.Popen[bytes]:
    """End a process of `folder` that first runs `handler`; return it."""
    descriptor = orphans.open_inherited_file(folder)
    program = f"import signal, time; {handler}; print(flush=True); [time.sleep(1) for _ in range(60)]"
    with subprocess.Popen([sys.executable, "-c", program], pass_fds=[descriptor], stdout=subprocess.PIPE) as orphan:
        os.close(descriptor)
        assert orphan.stdout
        orphan.stdout.readline()
        orphans.end_orphans(folder, messages.append)
    return orphan
