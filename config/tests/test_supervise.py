"""What a full disk does to the log files of bin/run: lines are missing, and nothing stops."""

import io
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from supervisor import loggers

from config.supervise import ForegroundOptions


def test_a_log_on_a_full_disk_drops_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    log = ForegroundOptions().getLogger()
    loggers.handle_file(log, "/dev/full", "%(message)s")
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True))
    log.info(b"a line\n")
    with suppress(OSError):
        log.close()


def test_it_goes_on_after_it_could_not_begin_a_new_file(tmp_path: Path) -> None:
    log = ForegroundOptions().getLogger()
    file = tmp_path / "web.log"
    loggers.handle_file(log, str(file), "%(message)s", rotating=True, maxbytes=10, backups=1)
    log.handlers[0].stream.close()  # as in a rollover that fails
    log.info(b"dropped\n")
    log.info(b"written\n")
    assert file.read_bytes() == b"written\n"
