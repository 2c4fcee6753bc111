"""bin/run collects static files again only if that changes something."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.prepare import collect_static_files

Times = Callable[[], int]


@pytest.fixture
def source(tmp_path: Path, settings: Any) -> Path:
    """The only file there is."""
    file = tmp_path / "source" / "birds.css"
    file.parent.mkdir()
    file.write_text("old")
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATICFILES_DIRS = [file.parent]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    return file


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    """How often files were collected."""
    import config.prepare

    real, calls = config.prepare.call_command, []

    def count(*arguments: Any, **options: Any) -> None:
        calls.append(arguments)
        real(*arguments, **options)

    monkeypatch.setattr("config.prepare.call_command", count)
    return lambda: len(calls)


def test_a_second_start_collects_nothing(source: Path, settings: Any, times: Times) -> None:
    collect_static_files()
    collect_static_files()
    assert times() == 1
    assert (settings.STATIC_ROOT / "birds.css").read_text() == "old"
    assert list(settings.STATIC_ROOT.glob("birds.*.css"))


def test_a_changed_file_is_collected(source: Path, settings: Any, times: Times) -> None:
    collect_static_files()
    source.write_text("new")
    os.utime(source, (2e9, 2e9))
    collect_static_files()
    assert times() == 2
    assert (settings.STATIC_ROOT / "birds.css").read_text() == "new"


def test_a_new_file_is_collected(source: Path, settings: Any, times: Times) -> None:
    collect_static_files()
    source.with_name("kites.css").write_text("")
    collect_static_files()
    assert (settings.STATIC_ROOT / "kites.css").exists()


@pytest.mark.parametrize("lost", ["birds.css", "staticfiles.json", "collected.txt"])
def test_a_lost_file_is_there_again(source: Path, settings: Any, times: Times, lost: str) -> None:
    collect_static_files()
    (settings.STATIC_ROOT / lost).unlink()
    collect_static_files()
    assert times() == 2
    assert (settings.STATIC_ROOT / lost).exists()


def test_files_for_another_storage_are_collected(source: Path, settings: Any, times: Times) -> None:
    """As when DEBUG is set or no longer set."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    collect_static_files()
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    collect_static_files()
    assert (settings.STATIC_ROOT / "staticfiles.json").exists()


def test_an_interrupted_start_is_not_taken_for_a_finished_one(
    source: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    collect_static_files()
    source.with_name("kites.css").write_text("")
    with monkeypatch.context() as patched:
        patched.setattr("config.prepare.call_command", interrupt)
        with pytest.raises(KeyboardInterrupt):
            collect_static_files()
    collect_static_files()
    assert (settings.STATIC_ROOT / "kites.css").exists()
