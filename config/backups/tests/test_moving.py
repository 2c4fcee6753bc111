"""`manage.py move_to_postgresql` copies every row to an empty PostgreSQL database, and only reads SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.tests.conftest import assert_nothing_lost_or_doubled, connected_to
from config.backups.tests.rows import LARGE, LONG_AGO, add_odd_rows, videos_in


def count_tables(url: str) -> int:
    with psycopg.connect(url) as server:
        (count,) = server.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return int(count)


def test_it_works(source: Path, postgres: str, capsys: pytest.CaptureFixture[str]) -> None:
    entry = add_odd_rows()
    Video.objects.filter(pk="plain").update(title="with\0NUL", tags=["half of a pair: \ud83e", "\0"])
    connection.close()  # so that all of it is in the file
    before = source.read_bytes()

    call_command("move_to_postgresql", postgres)

    assert source.read_bytes() == before
    said = capsys.readouterr().out
    assert "videos_video: from 1 rows characters that PostgreSQL cannot store were removed" in said
    assert "Set DATABASE_URL" in said
    assert postgres not in said, "it may contain a password"
    moved, kept = videos_in(postgres), videos_in(source)
    assert [row for row in moved if row[0] != "plain"] == [row for row in kept if row[0] != "plain"]
    with connected_to(postgres):
        assert_nothing_lost_or_doubled()
        plain, odd = Video.objects.get(pk="plain"), Video.objects.get(pk="odd")
        assert (plain.title, plain.tags) == ("withNUL", ["half of a pair: ", ""])
        assert (odd.view_count, odd.duration, odd.published_at) == (LARGE, None, LONG_AGO)
        assert odd.tags == ["日本", "a\"b'c", "\\", "🐦"]
        assert [video.pk for video in Video.objects.search("猫と鷹")] == ["odd"]
        assert KeyWordEntry.objects.create(keyword="the next").pk == entry.pk + 1
        assert VideoLog.objects.get(error_code="timeout").shared_with_id == entry.logs.latest("pk").pk
        with pytest.raises(CommandError, match="already PostgreSQL"):
            call_command("move_to_postgresql", postgres)
    with pytest.raises(CommandError, match="is not empty"):
        call_command("move_to_postgresql", postgres)


def test_what_postgresql_does_not_accept_leaves_it_empty(source: Path, postgres: str) -> None:
    """SQLite does not enforce the length of a text."""
    add_odd_rows()
    with closing(sqlite3.connect(source)) as file, file:
        file.execute("UPDATE videos_video SET live_state = 'longer than ten characters' WHERE video_id = 'odd'")
    with pytest.raises(CommandError, match=r"too long for type character varying\(10\)[^$]*column live_state"):
        call_command("move_to_postgresql", postgres)
    assert count_tables(postgres) == 0


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE theirs (id integer)", "tables of another program"),
        (
            "CREATE TABLE django_migrations (id int, app text, name text, applied timestamptz);"
            "INSERT INTO django_migrations VALUES (1, 'videos', '0001_initial', now())",
            "another version of Windhover",
        ),
    ],
)
def test_a_database_that_is_not_empty_is_refused(source: Path, postgres: str, statement: str, reason: str) -> None:
    with psycopg.connect(postgres) as server:
        server.execute(statement)
    with pytest.raises(CommandError, match=reason):
        call_command("move_to_postgresql", postgres)
    assert count_tables(postgres) == 1


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sqlite:////tmp/other.sqlite3", "must begin with postgres://"),
        ("postgres://me:secret@127.0.0.1:1/none", "PostgreSQL: .*refused"),
        ("nonsense", "The address is not a supported database URL"),
    ],
)
def test_an_address_that_leads_nowhere(source: Path, address: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason) as refused:
        call_command("move_to_postgresql", address)
    assert "secret" not in str(refused.value)


def test_there_must_be_something_to_move(state: Path, postgres: str) -> None:
    with connected_to(f"sqlite:///{state / 'new.sqlite3'}"), pytest.raises(CommandError, match="has no tables yet"):
        call_command("move_to_postgresql", postgres)
    assert count_tables(postgres) == 0


def test_the_demo_is_not_moved(source: Path, settings: Settings) -> None:
    settings.DEMO = True
    with pytest.raises(CommandError, match="The demo always uses SQLite"):
        call_command("move_to_postgresql", "postgres://host/name")
