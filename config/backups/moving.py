"""Move all data from SQLite to PostgreSQL."""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, connections, transaction
from django.utils.module_loading import import_string

from config.backups import Refused
from config.backups.alone import alone
from config.backups.tables import (
    Checksum,
    Tables,
    applied_migrations,
    drop_tables,
    holds_data,
    snapshot,
)
from config.database_version import encoding_of
from config.settings import database_at

_TARGET: Final = "postgresql"


def move_to_postgresql(url: str, report: Callable[[str], None]) -> dict[str, Checksum]:
    """Copy everything to the empty PostgreSQL database at `url`; return the checksum of each table.

    The SQLite file is only read. If anything fails, the other database stays empty. Raises Refused or CannotStart.
    """
    if settings.DEMO:
        raise Refused("The demo always uses SQLite.")
    if connection.vendor != "sqlite":
        raise Refused("DATABASE_URL is already PostgreSQL; to copy it, use backup and restore.")
    connections.databases[_TARGET] = _configured(url)
    try:
        with alone("move_to_postgresql"):
            return _move(report)
    except DatabaseError as error:
        raise Refused(f"PostgreSQL: {str(error).strip()} Nothing was moved.") from error
    finally:
        connections[_TARGET].close()
        del connections[_TARGET], connections.databases[_TARGET]


def _move(report: Callable[[str], None]) -> dict[str, Checksum]:
    target = connections[_TARGET]
    applied = applied_migrations(connection)
    if not applied:
        raise Refused("The SQLite database has no tables yet.")
    _check_target(applied)
    tables = Tables(applied)
    with snapshot(connection), transaction.atomic(_TARGET):
        drop_tables(target)
        tables.make(_TARGET)
        checksums = tables.copy(_TARGET, lambda table: table.read("default"), report)
        with target.cursor() as cursor:
            cursor.execute("ANALYZE")
    report("building the index of full text search")
    import_string("apps.videos.fulltext_index.ensure")(_TARGET)
    return checksums


def _check_target(applied: set[tuple[str, str]]) -> None:
    """Raise Refused unless the target is empty, or has this version's tables with nothing in them."""
    target = connections[_TARGET]
    if (encoding := encoding_of(target)) != "UTF8":
        raise Refused(f"The database's encoding is {encoding}; create it with ENCODING 'UTF8' TEMPLATE template0.")
    found = applied_migrations(target)
    if not found and target.introspection.table_names():
        raise Refused("That database has tables of another program.")
    if found and found != applied:
        raise Refused("That database has tables of another version of Windhover. Create an empty one.")
    if holds_data(target):
        raise Refused("That database is not empty.")


def _configured(url: str) -> dict[str, Any]:
    try:
        database = database_at(url)
    except ImproperlyConfigured as error:
        raise Refused(str(error).replace("DATABASE_URL", "The address")) from error
    if database["ENGINE"] != "django.db.backends.postgresql":
        raise Refused("The address must begin with postgres://.")
    configured: dict[str, Any] = connections.configure_settings({"default": database})["default"]
    return configured
