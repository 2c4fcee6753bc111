"""All rows of a database in a form that SQLite and PostgreSQL share, for backups and for the move to PostgreSQL.

Tables are read and written by models as the applied migrations describe them, not as the code does today: so a backup
of an older version can be loaded into its own tables, which are migrated afterwards. The index of full text search is
not copied, because it can be built from the videos.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from graphlib import TopologicalSorter
from hashlib import sha256
from itertools import islice
from typing import Any, Final

import orjson
from django.core.management.color import no_style
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Field, Model

from config.backups import Refused

Row = tuple[Any, ...] | list[Any]
Applied = set[tuple[str, str]]

# Where what people and fetches have stored would be: a database that was only prepared has no rows in them.
_FILLED: Final = ("videos_keywordentry", "videos_video", "videos_videolog", "auth_user")

# Rows read and written at once. A long table is reported after each so many.
_PORTION: Final = 1_000
_REPORTED: Final = 100_000

# What SQLite can store in a text or in JSON, but PostgreSQL cannot.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class Checksum:
    """The number of rows, and the sum of their SHA-256, which does not depend on their order."""

    def __init__(self, rows: int = 0, total: int = 0) -> None:
        self.rows = rows
        self.total = total

    def add(self, line: bytes) -> None:
        self.rows += 1
        self.total = (self.total + int.from_bytes(sha256(line).digest(), "big")) % 2**256

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Checksum) and (self.rows, self.total) == (other.rows, other.total)

    def __str__(self) -> str:
        return f"{self.total:064x}"


class Table:
    """A table whose rows can be read and written in any database."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.name: str = model._meta.db_table
        self.fields: list[Field] = [field for field in model._meta.concrete_fields if not field.generated]
        self.columns = [str(field.column) for field in self.fields]

    def read(self, database: str) -> Iterator[Row]:
        """Yield all rows, in any order, without holding them all in memory."""
        rows = self.model._base_manager.using(database).order_by()
        return rows.values_list(*(field.attname for field in self.fields)).iterator(chunk_size=_PORTION)

    def write(self, database: str, rows: Iterable[Row]) -> None:
        connection = connections[database]
        prepare = [field.get_db_prep_save for field in self.fields]
        ready = (
            [None if value is None else to_db(value, connection) for to_db, value in zip(prepare, row, strict=True)]
            for row in rows
        )
        name = connection.ops.quote_name(self.name)
        columns = ", ".join(map(connection.ops.quote_name, self.columns))
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with connection.wrap_database_errors, cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
                    for row in ready:
                        copy.write_row(row)
                return
            insert = f"INSERT INTO {name} ({columns}) VALUES ({', '.join(['%s'] * len(self.fields))})"
            while portion := list(islice(ready, _PORTION)):
                cursor.executemany(insert, portion)

    def checksum(self, database: str) -> Checksum:
        checksum = Checksum()
        for row in self.read(database):
            checksum.add(encode(row))
        return checksum

    def decode(self, line: bytes) -> Row:
        """Return the row that encode() has made `line` of."""
        return [field.to_python(value) for field, value in zip(self.fields, json.loads(line), strict=True)]


class Tables:
    """The tables that a set of migrations makes, each after those that it refers to."""

    def __init__(self, applied: Applied) -> None:
        loader = MigrationLoader(None)
        squashed = {key for key, migration in loader.replacements.items() if applied.issuperset(migration.replaces)}
        nodes = (applied | squashed) & loader.graph.nodes.keys()
        # The last ones of each app: naming an earlier one would mean to unapply the later ones.
        self._targets = [
            node
            for node in sorted(nodes)
            if not any(child.key in nodes and child.key[0] == node[0] for child in loader.graph.node_map[node].children)
        ]
        models = [
            model
            for model in loader.project_state(self._targets).apps.get_models(include_auto_created=True)
            if model._meta.app_label in loader.migrated_apps and not model._meta.proxy
        ]
        order = TopologicalSorter({model: _referred_to(model) - {model} for model in models})
        self._tables = [Table(model) for model in order.static_order()]

    def __iter__(self) -> Iterator[Table]:
        return iter(self._tables)

    def make(self, database: str) -> None:
        """Make all tables, empty, and record their migrations.

        Not by the command `migrate`, after which Windhover would write into its usual database.
        """
        with _as_default(database):
            MigrationExecutor(connections[database]).migrate(self._targets)
        with connections[database].cursor() as cursor:
            for table in reversed(self._tables):
                cursor.execute(f"DELETE FROM {connections[database].ops.quote_name(table.name)}")

    def copy(
        self,
        database: str,
        rows_of: Callable[[Table], Iterable[Row]],
        report: Callable[[str], None],
    ) -> dict[str, Checksum]:
        """Fill the tables, which are empty, with the rows of each, and return the checksums of what was written.

        What was written is then read, and compared. Raises Refused if it differs. It must run in a transaction.
        """
        connection = connections[database]
        checksums = {}
        for table in self:
            written, changed = Checksum(), Checksum()
            rows = rows_of(table)
            if connection.vendor == "postgresql":
                rows = _storable(rows, changed)
            table.write(database, _counted(rows, written, table.name, report))
            connection.check_constraints([table.name])
            if table.checksum(database) != written:
                raise Refused(f"What was written to {table.name} is not what is read there. Nothing was changed.")
            if changed.rows:
                report(f"{table.name}: from {changed.rows:,} rows characters that PostgreSQL cannot store were removed")
            if written.rows:
                report(f"{table.name}: {written.rows:,} rows")
            checksums[table.name] = written
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), [table.model for table in self]):
                cursor.execute(statement)
        return checksums


def applied_migrations(connection: BaseDatabaseWrapper) -> Applied:
    return set(MigrationRecorder(connection).applied_migrations())


def holds_data(connection: BaseDatabaseWrapper) -> bool:
    """Return whether there is a keyword, video, fetch log or account: what a start does not make."""
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for name in tables.intersection(_FILLED):
            cursor.execute(f"SELECT 1 FROM {name} LIMIT 1")
            if cursor.fetchone():
                return True
    return False


def drop_tables(connection: BaseDatabaseWrapper) -> None:
    """Drop Windhover's tables in PostgreSQL, of the version that the code knows."""
    own = {"django_migrations", "videos_fulltext", *(table.name for table in Tables(applied_migrations(connection)))}
    found = own.intersection(connection.introspection.table_names())
    if found:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {', '.join(map(connection.ops.quote_name, sorted(found)))} CASCADE")


@contextmanager
def snapshot(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let all reads inside the block see the database as it is at the first one. Writers do not wait."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        # Not by atomic(), which begins with the lock of SQLite's writers.
        cursor.execute("BEGIN" if sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def encode(row: Row) -> bytes:
    """Return the row as a line of JSON: the same bytes for the same values, on both databases."""
    try:
        return orjson.dumps(row, default=str, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # JSON from a source may have half a surrogate pair, or numbers of any size.
        return json.dumps(row, default=str, sort_keys=True, separators=(",", ":")).encode()


@contextmanager
def _as_default(database: str) -> Iterator[None]:
    """Let `database` be the default one inside the block: migrations that change rows use that."""
    usual = connections["default"]
    connections["default"] = connections[database]
    try:
        yield
    finally:
        connections["default"] = usual


def _referred_to(model: type[Model]) -> set[type[Model]]:
    return {related for field in model._meta.concrete_fields if (related := field.related_model)}


def _counted(rows: Iterable[Row], checksum: Checksum, name: str, report: Callable[[str], None]) -> Iterator[Row]:
    for row in rows:
        checksum.add(encode(row))
        if checksum.rows % _REPORTED == 0:
            report(f"{name}: {checksum.rows:,} rows so far")
        yield row


def _storable(rows: Iterable[Row], changed: Checksum) -> Iterator[Row]:
    """Yield the rows without characters that PostgreSQL cannot store; count those that had some."""
    for row in rows:
        line = encode(row)
        if rb"\u0000" in line or rb"\ud" in line:
            stored = [_without_unstorable(value) for value in row]
            if encode(stored) != line:
                changed.add(line)
            row = stored
        yield row


def _without_unstorable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_without_unstorable(part) for part in value]
    if isinstance(value, dict):
        return {_without_unstorable(key): _without_unstorable(part) for key, part in value.items()}
    return value
