"""Log lines that name the fetch they belong to, and have a traceback only if it is of use."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django import db

_SQLITE_OUT_OF_ORDER = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}

_fetch: ContextVar[int | None] = ContextVar("fetch", default=None)


@contextmanager
def in_fetch(log_id: int) -> Iterator[None]:
    """Name the id of the fetch's log in every line logged inside the block."""
    token = _fetch.set(log_id)
    try:
        yield
    finally:
        _fetch.reset(token)


class FetchFilter(logging.Filter):
    """Set `fetch` on each record: "fetch 12: ", or an empty string outside a fetch; and `fetch_id`, 12 or None."""

    def filter(self, record: logging.LogRecord) -> bool:
        fetch_id = _fetch.get()
        record.__dict__ |= {"fetch_id": fetch_id, "fetch": "" if fetch_id is None else f"fetch {fetch_id}: "}
        return True


def first_line(error: BaseException) -> str:
    """Return what an error says, without the advice that PostgreSQL's client library adds in further lines."""
    return str(error).partition("\n")[0]


def is_unreachable(error: BaseException) -> bool:
    """Return whether `error` says that there is no connection to PostgreSQL, or no longer."""
    if not isinstance(error, db.Error):
        return False
    # Of its client library these have no code; of the server the classes 08 and 57P, such as "is shutting down".
    code = getattr(error.__cause__, "sqlstate", "unknown")
    return code is None or code.startswith(("08", "57P"))


def is_out_of_order(error: BaseException) -> bool:
    """Return whether `error` says that the database cannot be reached or written, whatever the statement."""
    if not isinstance(error, db.Error):
        return False
    # Of PostgreSQL: it is read-only, or has no disk, memory or connection left.
    code = str(getattr(error.__cause__, "sqlstate", ""))
    of_sqlite = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
    return is_unreachable(error) or code == "25006" or code.startswith("53") or of_sqlite in _SQLITE_OUT_OF_ORDER


class RefusedFilter(logging.Filter):
    """Leave out the traceback of a refused request: anyone could fill the log with them, and the message says why.

    Also that of a database that is out of order, which each request and each task may meet for hours.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error and is_out_of_order(error):
            record.msg, record.args, record.exc_info = f"{record.getMessage()}: {first_line(error)}", (), None
        # Django sets `status_code`, except for a host that is not allowed and other suspicious requests.
        if record.name.startswith("django.security.") or getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return True
