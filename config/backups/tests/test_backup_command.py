"""`manage.py backup` puts files where it is asked to, and removes only older backups."""

from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command


def backup(*arguments: str, at: str = "2026-11-22T12:00:00Z") -> None:
    with time_machine.travel(at, tick=False):
        call_command("backup", *arguments)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_it_works(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup()
    file = source.parent / "backups" / "windhover-2026-11-22T120000Z.zip"
    assert capsys.readouterr().out.startswith(f"{file} (")
    assert names(file.parent) == [file.name]


def test_older_ones_are_removed(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "windhover-2026.zip").touch()
    (folder / "demo-2026-11-22T120000Z.zip").touch()
    for day in (20, 21, 22):
        backup(str(folder), "--keep", "2", at=f"2026-11-{day}T12:00:00Z")
    newest = ["windhover-2026-11-21T120000Z.zip", "windhover-2026-11-22T120000Z.zip"]
    assert names(folder) == ["demo-2026-11-22T120000Z.zip", *newest, "windhover-2026.zip"]


def test_nothing_is_overwritten(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.zip"
    file.write_text("precious")
    with pytest.raises(CommandError, match="exists already"):
        backup(str(file))
    assert file.read_text() == "precious"


@pytest.mark.parametrize("keep", ["0", "-1"])
def test_at_least_one_is_kept(source: Path, keep: str) -> None:
    with pytest.raises(CommandError, match="--keep needs"):
        backup("--keep", keep)


def test_what_fails_leaves_no_file(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.backups.archive.encode", fail)
    with pytest.raises(CommandError, match="No space left"):
        backup(str(tmp_path))
    assert not list(tmp_path.glob("windhover-*"))


def fail(row: object) -> bytes:
    raise OSError("No space left on device")
