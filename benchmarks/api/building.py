"""Fill an empty database with the invented videos, as fast as it takes them.

The rows are inserted in an earlier schema; then the database is migrated, as any other is. So later migrations fill in
what they add, such as an index for full text, and this module need not know it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.apps.registry import Apps
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor

from apps.videos import keywords
from benchmarks.api.content import (
    KEYWORDS,
    LOG_COLUMNS,
    LOGS_PER_VIDEO,
    MATCH_COLUMNS,
    VIDEO_COLUMNS,
    Row,
    Videos,
    generate_logs,
)
from benchmarks.api.naive import NaiveVideo

# The last migration of the schema that the rows are for.
_SCHEMA: Final = ("videos", "0005_fetch_log")


def empty() -> None:
    """Remove all tables."""
    if connection.vendor == "sqlite":
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{connection.settings_dict['NAME']}{suffix}").unlink(missing_ok=True)
        return
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")


def build(number: int) -> None:
    """Fill the empty database with `number` videos, their matches, fetch logs and keywords."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-1000000"):
                cursor.execute(f"PRAGMA {pragma}")
    tables = _migrate_to_schema()
    entry, video, match, log, total = (
        tables.get_model("videos", name) for name in ("KeyWordEntry", "Video", "Match", "VideoLog", "VideoTotal")
    )
    videos = Videos(number)
    with _without_indexes(video, match, log):
        entry._default_manager.bulk_create(
            entry(keyword=word, normalized=keywords.normalize(word)) for word in KEYWORDS
        )
        for rows, matches in videos.chunks():
            _insert(video, VIDEO_COLUMNS, rows)
            _insert(match, MATCH_COLUMNS, matches)
        _insert(log, LOG_COLUMNS, generate_logs(int(number * LOGS_PER_VIDEO)))
    for keyword_id, matched in enumerate(videos.matched, start=1):
        entry._default_manager.filter(pk=keyword_id).update(video_count=matched)
    total._default_manager.create(count=number)
    call_command("migrate", verbosity=0)
    _make_naive_table()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does some minutes later


def _migrate_to_schema() -> Apps:
    """Migrate to the schema of the rows; return its models."""
    executor = MigrationExecutor(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] != _SCHEMA[0]]
    return executor.migrate([*others, _SCHEMA]).apps


def _make_naive_table() -> None:
    """Copy the videos to the table of the naive view."""
    with connection.schema_editor() as editor:
        editor.create_model(NaiveVideo)
    columns = ", ".join(str(field.column) for field in NaiveVideo._meta.concrete_fields)
    with _without_indexes(NaiveVideo), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {NaiveVideo._meta.db_table} ({columns}) SELECT {columns} FROM videos_video")


@contextmanager
def _without_indexes(*tables: type[models.Model]) -> Iterator[None]:
    """Drop the indexes and foreign keys of the tables, and make them again afterwards: keeping them is slower."""
    dropped, made = [], []
    with connection.cursor() as cursor:
        for name in (table._meta.db_table for table in tables):
            if connection.vendor == "sqlite":
                cursor.execute(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > '' AND tbl_name = %s", [name]
                )
            else:
                cursor.execute(
                    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                    " WHERE contype = 'f' AND conrelid = %s::regclass",
                    [name],
                )
                for constraint, definition in cursor.fetchall():
                    dropped.append(f'ALTER TABLE {name} DROP CONSTRAINT "{constraint}"')
                    made.append(f'ALTER TABLE {name} ADD CONSTRAINT "{constraint}" {definition}')
                cursor.execute(
                    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND NOT EXISTS"
                    " (SELECT FROM pg_constraint WHERE conname = indexname)",
                    [name],
                )
            for index, definition in cursor.fetchall():
                dropped.append(f'DROP INDEX "{index}"')
                made.append(definition)
        for statement in dropped:
            cursor.execute(statement)
        yield
        for statement in made:
            cursor.execute(statement)


def _insert(model: type[models.Model], columns: list[str], rows: Iterable[Row]) -> None:
    table = f"{model._meta.db_table} ({', '.join(columns)})"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            places = ", ".join(["%s"] * len(columns))
            cursor.execute("BEGIN")
            cursor.executemany(f"INSERT INTO {table} VALUES ({places})", list(rows))
            cursor.execute("COMMIT")
        else:
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
