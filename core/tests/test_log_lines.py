"""A log has a traceback only if it is of use."""

import logging
import sqlite3

import psycopg
import pytest
from django import db
from psycopg import errors

from core.log_lines import RefusedFilter

REFUSED = 'connection to server at "127.0.0.1", port 5432 failed: Connection refused\n\tIs the server running?'


def logged(caplog: pytest.LogCaptureFixture, cause: Exception) -> str:
    """Return what is logged when the database raises `cause`."""
    with caplog.filtering(RefusedFilter()):
        try:
            try:
                raise cause
            except Exception as error:
                raise db.OperationalError(*error.args) from error
        except db.OperationalError:
            logging.getLogger("windhover").exception("keyword %s failed", 7)
    return caplog.text


def of_sqlite(message: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    "cause",
    [
        psycopg.OperationalError(REFUSED),
        psycopg.OperationalError("server closed the connection unexpectedly\n\tThis probably means"),
        errors.AdminShutdown("terminating connection due to administrator command"),
        errors.CannotConnectNow("the database system is starting up"),
        errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction"),
        errors.DiskFull("could not extend file: No space left on device\nHINT: Check free disk space."),
        errors.TooManyConnections("sorry, too many clients already"),
        of_sqlite("attempt to write a readonly database", sqlite3.SQLITE_READONLY_DBMOVED),
        of_sqlite("database or disk is full", sqlite3.SQLITE_FULL),
    ],
)
def test_a_database_that_is_out_of_order_is_one_line(caplog: pytest.LogCaptureFixture, cause: Exception) -> None:
    lines = logged(caplog, cause).splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(f"keyword 7 failed: {str(cause).splitlines()[0]}")


@pytest.mark.parametrize(
    "cause", [errors.DeadlockDetected("deadlock detected"), sqlite3.OperationalError("no such column: x")]
)
def test_other_errors_of_the_database_have_a_traceback(caplog: pytest.LogCaptureFixture, cause: Exception) -> None:
    assert "Traceback" in logged(caplog, cause)
