"""Whether a connection to PostgreSQL stays the same: a pooler between may give each transaction another one."""

from contextlib import closing

from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionProxy

from config.state import CannotStart

DOCS = "docs/running.md, “PgBouncer”"


def check_pooling() -> None:
    """Raise CannotStart if DATABASE_URL leads to a pooler that is set up for other programs.

    Locks and timeouts of a session would then apply to the next client of the connection. A database that cannot be
    reached is not checked here.
    """
    if connection.vendor != "postgresql":
        return
    try:
        with closing(connection.copy()) as second:
            is_shared = _value("pg_backend_pid()", connection) == _value("pg_backend_pid()", second)
        timeout = _value("current_setting('lock_timeout')", connection)
    except DatabaseError as error:
        if "unsupported startup parameter" in str(error):
            raise CannotStart(f"DATABASE_URL leads to a pooler that refuses `options`: see {DOCS}.") from error
        return
    if is_shared:
        raise CannotStart(
            "DATABASE_URL leads to a pooler that gives each transaction another connection; "
            f"set it to pool sessions (pool_mode = session): see {DOCS}."
        )
    if timeout == "0":
        raise CannotStart(f"DATABASE_URL leads to a pooler that ignores Windhover's lock_timeout: see {DOCS}.")


def _value(expression: str, database: BaseDatabaseWrapper | ConnectionProxy) -> object:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {expression}")
        (value,) = cursor.fetchone()
    return value
