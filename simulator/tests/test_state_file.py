"""What a world needs to be the same after a restart is read again, also if the disk was full."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.state_file import StateFile

BEGAN, LATER = (datetime(2026, 11, day, tzinfo=UTC) for day in (20, 21))


def test_it_works(tmp_path: Path) -> None:
    StateFile(tmp_path / "world", BEGAN).add_topic("kestrel")
    again = StateFile(tmp_path / "world", LATER)
    assert (again.started_at, again.topics) == (BEGAN, ["kestrel"])


@pytest.mark.parametrize("left", ['"kest\n', "\0\0\0\n", "\n", "[\n"])
def test_a_line_that_was_not_written_whole_is_ignored(tmp_path: Path, left: str) -> None:
    file = tmp_path / "world"
    StateFile(file, BEGAN).add_topic("owl")
    file.write_text(file.read_text() + left)
    StateFile(file, LATER).add_topic("kite")
    again = StateFile(file, LATER)
    assert (again.started_at, again.topics) == (BEGAN, ["owl", "kite"])


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "world").touch()
    StateFile(tmp_path / "world", BEGAN)
    assert StateFile(tmp_path / "world", LATER).started_at == BEGAN


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "world").write_text("something else\n")
    with pytest.raises(ValueError, match="is not a state file of the simulator"):
        StateFile(tmp_path / "world", BEGAN)
