"""Whether this version of Windhover can use the database as it is: not if a newer one has changed its tables.

Nor if it cannot store all characters.
"""

from pathlib import Path
from pkgutil import iter_modules

from django.apps import apps
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils.connection import ConnectionProxy

from config.state import CannotStart

OWN_APPS = {"incidents", "quota", "videos"}


def check_database() -> None:
    """Raise CannotStart if the database is of a newer version, of one that is too old to upgrade, or of PostgreSQL and
    not in UTF-8.

    A database that cannot be read, or does not exist yet, is not checked here.
    """
    try:
        encoding = encoding_of(connection)
        tables = connection.introspection.table_names()
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return
    if encoding != "UTF8":
        raise CannotStart(
            f"the database's encoding is {encoding}, in which titles in other scripts cannot be stored: "
            "create it with ENCODING 'UTF8' TEMPLATE template0."
        )
    first = ("incidents", "0001_initial"), ("videos", "0001_initial")  # in this order
    if "quota_trouble" in tables or (first[1] in applied and first[0] not in applied):
        raise CannotStart(
            "the database was created before 26 November 2026 and cannot be upgraded: "
            "move it away, start again, and add its keywords again (table videos_keywordentry)."
        )
    if newer := newer_migrations(applied):
        raise CannotStart(
            f"the database is of a newer version of Windhover ({'.'.join(newer[-1])}): "
            "start that version, or restore a backup from before the upgrade."
        )


def newer_migrations(applied: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of the applied migrations that this version does not know."""
    unknown = sorted(name for name in applied - _files() if name[0] in OWN_APPS)
    if not unknown:
        return []
    replaced = {old for migration in MigrationLoader(None).disk_migrations.values() for old in migration.replaces}
    return [name for name in unknown if name not in replaced]


def _files() -> set[tuple[str, str]]:
    """Return the migrations of OWN_APPS by the names of their files: importing them all takes time and memory."""
    return {
        (app, module.name)
        for app in OWN_APPS
        for module in iter_modules([str(Path(apps.get_app_config(app).path, "migrations"))])
    }


def encoding_of(connection: BaseDatabaseWrapper | ConnectionProxy) -> str:
    if connection.vendor != "postgresql":
        return "UTF8"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        (encoding,) = cursor.fetchone()
    return str(encoding)
