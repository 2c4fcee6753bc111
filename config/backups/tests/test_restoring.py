"""A backup restores everything, in whichever database, also if it was made while others wrote."""

import json
import os
import re
import sqlite3
import stat
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from zipfile import ZIP_DEFLATED, ZipFile

import psycopg
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_celery_beat.models import PeriodicTask
from pytest_django import Settings

from apps.quota.models import QuotaSpend
from apps.videos.models import KeyWordEntry, Video
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.conftest import assert_nothing_lost_or_doubled, connected_to
from config.backups import Refused, print_nothing
from config.backups.archive import make_backup, open_backup
from config.backups.tables import Tables
from config.backups.tests.rows import add_odd_rows, videos_in
from config.database_version import check_database
from config.instance import only_instance
from config.state import CannotStart

NOON_IN_CALIFORNIA = datetime(2026, 11, 22, 20, tzinfo=UTC)


@pytest.fixture
def elsewhere(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """Another state folder without a database."""
    settings.STATE_DIR = tmp_path / "elsewhere"
    settings.STATE_DIR.mkdir()
    with connected_to(f"sqlite:///{settings.STATE_DIR / 'windhover.sqlite3'}"):
        yield settings.STATE_DIR / "windhover.sqlite3"


@pytest.fixture
def backup(source: Path, tmp_path: Path) -> Path:
    """A backup of a keyword with three videos."""
    add_odd_rows()
    return make_backup(tmp_path, print_nothing)


def test_it_works(source: Path, tmp_path: Path, settings: Settings, request: pytest.FixtureRequest) -> None:
    """A thread goes on storing videos while the backup is made."""
    add_odd_rows()
    QuotaSpend.objects.create(project="first", day="2026-11-22", bucket="search", used=1)
    stored, stop = Event(), Event()
    busy = KeyWordEntry.objects.create(keyword="busy")

    def write() -> None:
        for number in range(10_000):
            store(busy, found_video(f"v{number}"))
            stored.set()
            if stop.is_set():
                break
        connection.close()

    def wait_for_writer(line: str) -> None:
        """Let the writer come further between two tables, and again in the transaction that it has begun meanwhile."""
        for _ in range(2):
            stored.clear()
            assert stored.wait(20)

    writer = Thread(target=write)
    writer.start()
    assert stored.wait(20)
    file = make_backup(tmp_path, wait_for_writer, with_secret_key=True)
    stop.set()
    writer.join()
    written = videos_in(source)

    with time_machine.travel(NOON_IN_CALIFORNIA, tick=False):
        restored = request.getfixturevalue("elsewhere")
        secret_key = restored.with_name("secret_key")
        secret_key.write_text("made by a start")
        settings.SECRET_KEY = "made by a start"
        call_command("restore", str(file), verbosity=0)

    found = videos_in(restored)
    assert 3 < len(found) < len(written), "some were stored before the backup began, and some later"
    assert set(map(str, found)) < set(map(str, written))
    assert_nothing_lost_or_doubled()
    assert [video.pk for video in Video.objects.search("猫と鷹")] == ["odd"]
    names = {f"keyword-{entry.pk}" for entry in KeyWordEntry.objects.all()}
    assert set(PeriodicTask.objects.filter(name__startswith="keyword-").values_list("name", flat=True)) == names
    # What was searched today is unknown, as on any other machine: half a day at the usual rate.
    assert QuotaSpend.objects.get(project="first").used == 49
    with closing(sqlite3.connect(restored)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert secret_key.read_text() == "for tests only"
    assert stat.S_IMODE(restored.stat().st_mode) == stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_older_backup_is_migrated_and_may_go_to_postgresql(
    tmp_path: Path, elsewhere: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = MigrationLoader(None)
    others = {node for node in loader.graph.nodes if node[0] != "videos"}
    older = Tables(others | set(loader.graph.forwards_plan(("videos", "0020_marks_of_videos"))))
    older.make("default")
    keyword = next(table.model for table in older if table.name == "videos_keywordentry")
    keyword._base_manager.create(pk=7, keyword="鷹", normalized="鷹")
    file = make_backup(tmp_path, print_nothing)

    with connected_to(postgres):
        call_command("restore", str(file), verbosity=0)
        entry = KeyWordEntry.objects.get()
        assert (entry.pk, entry.keyword, entry.group_id) == (7, "鷹", None)
        assert KeyWordEntry.objects.create(keyword="the next").pk == 8
        with pytest.raises(CommandError, match="is not empty"):
            call_command("restore", str(file))

        def write_meanwhile(line: str) -> None:
            with psycopg.connect(postgres) as other:
                other.execute("UPDATE videos_keywordentry SET keyword = 'changed'")

        consistent = make_backup(tmp_path / "consistent.zip", write_meanwhile)
        assert "changed" not in ZipFile(consistent).read("videos_keywordentry.jsonl").decode()

        monkeypatch.setattr(Tables, "copy", fail)
        with pytest.raises(CommandError, match="in the middle"):
            call_command("restore", str(file), replace=True, verbosity=0)
        assert KeyWordEntry.objects.count() == 2, "all is as it was"
        (kept,) = (elsewhere.parent / "backups").iterdir()
        assert json.loads(ZipFile(kept).read("manifest.json"))["tables"]["videos_keywordentry"]["rows"] == 2


def fail(*args: object) -> None:
    raise Refused("It failed in the middle.")


def test_what_was_there_is_kept(source: Path, backup: Path) -> None:
    """Also the database of a newer version, which is not understood: as when an upgrade is undone."""
    with closing(sqlite3.connect(source)) as file, file:
        file.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('videos', '0099_later', '2030-01-01')")
    Video.objects.filter(pk="plain").update(title="changed later")
    later = videos_in(source)
    with pytest.raises(CommandError, match=r"is not empty. With --replace it is kept"):
        call_command("restore", str(backup))
    assert videos_in(source) == later

    call_command("restore", str(backup), replace=True, verbosity=0)
    (kept,) = source.parent.glob("*-replaced.sqlite3")
    assert videos_in(kept) == later
    assert "changed later" not in str(videos_in(source))
    assert len(videos_in(source)) == 3
    check_database()


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[content.index(b"videos_video.jsonl") + 100] ^= 1
    file.write_bytes(content)


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 10)


def rewrite(file: Path, member: str, old: str, new: str) -> None:
    """Change a text in the archive, whose own checksums are right again."""
    with ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in contents[member]
    contents[member] = contents[member].replace(old.encode(), new.encode())
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def change_a_row(file: Path) -> None:
    rewrite(file, "videos_video.jsonl", "The title of plain", "The title of prime")


def forget_a_row(file: Path) -> None:
    with ZipFile(file) as archive:
        first = archive.read("videos_video.jsonl").splitlines()[0].decode()
    rewrite(file, "videos_video.jsonl", f"{first}\n", "")


@pytest.mark.parametrize("harm", [damage, cut_off, change_a_row, forget_a_row, lambda file: file.write_text("{}")])
def test_a_damaged_file_is_refused(source: Path, backup: Path, harm: object) -> None:
    harm(backup)
    before = videos_in(source)
    with pytest.raises(CommandError, match=r"^This file is damaged, or not a backup of Windhover \("):
        call_command("restore", str(backup), replace=True)
    assert videos_in(source) == before
    assert not list(source.parent.glob("*re*")), "nothing is left"


def test_what_is_no_file_is_refused(source: Path, tmp_path: Path) -> None:
    """Reading a device or a pipe might never end."""
    os.mkfifo(pipe := tmp_path / "pipe")
    for name in ("/dev/zero", str(pipe), str(tmp_path)):
        with pytest.raises(CommandError, match=rf"^{name} is not a file\.$"):
            call_command("restore", name, replace=True)


def test_any_damaged_byte_of_its_frame_is_refused_or_harmless(source: Path, backup: Path) -> None:
    """Of the archive's headers and directory, which say how its files are to be read."""
    content = backup.read_bytes()
    frame = [at for mark in (b"PK\x01\x02", b"PK\x03\x04") for at in positions(content, mark)[-2:]]
    with open_backup(backup) as undamaged:
        applied, tables = undamaged.applied, Tables(undamaged.applied)
    for at in (start + byte for start in frame for byte in range(46)):
        for changed in (content[at] ^ 1, content[at] ^ 0x80, 0xFF, 99):
            backup.write_bytes(content[:at] + bytes([changed]) + content[at + 1 :])
            with suppress(Refused), open_backup(backup) as opened:
                assert opened.applied == applied
                opened.check(tables)


def positions(content: bytes, mark: bytes) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(mark), content)]


@pytest.mark.parametrize("member", ["manifest.json", "videos_video.jsonl"])
def test_an_archive_that_expands_without_end_is_refused(source: Path, backup: Path, member: str) -> None:
    with ZipFile(backup) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[member] = b" " * 2**26 + contents[member]
    with ZipFile(backup, "w", ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    tracemalloc.start()
    with pytest.raises(CommandError, match=r"^This file is damaged, or not a backup of Windhover \(.*too l"):
        call_command("restore", str(backup), replace=True)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_a_newer_backup_is_refused(source: Path, backup: Path) -> None:
    rewrite(backup, "manifest.json", '"0001_initial"\n  ],\n  [\n   "videos"', '"0099_later"\n  ],\n  [\n   "videos"')
    with pytest.raises(CommandError, match=r"newer version of Windhover \(.*\), with videos.0099_later\."):
        call_command("restore", str(backup), replace=True)


def test_a_backup_of_the_demo_is_refused(source: Path, backup: Path) -> None:
    rewrite(backup, "manifest.json", '"demo": false', '"demo": true')
    with pytest.raises(CommandError, match="is of the demo"):
        call_command("restore", str(backup), replace=True)


def test_it_is_refused_while_windhover_runs(source: Path, backup: Path, settings: Settings) -> None:
    with (
        only_instance(settings, "http://127.0.0.1:8000"),
        pytest.raises(CannotStart, match=r"already running: process \d+ at http://127.0.0.1:8000"),
    ):
        call_command("restore", str(backup), replace=True)


def test_it_is_refused_while_another_program_has_the_file_open(source: Path, backup: Path) -> None:
    """As in other containers, which do not know the lock of bin/run."""
    with closing(sqlite3.connect(source)) as other:
        other.execute("SELECT count(*) FROM videos_video").fetchone()
        with pytest.raises(CommandError, match="Another program uses the database"):
            call_command("restore", str(backup), replace=True)
    assert len(videos_in(source)) == 3


def test_a_manifest_says_what_is_in_it(backup: Path) -> None:
    assert "secret_key" not in ZipFile(backup).namelist()
    manifest = json.loads(ZipFile(backup).read("manifest.json"))
    assert (manifest["format"], manifest["database"], manifest["demo"]) == (1, "sqlite", False)
    assert manifest["tables"]["videos_video"]["rows"] == 3
    assert ["videos", "0001_initial"] in manifest["migrations"]
