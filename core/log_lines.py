"""Log lines that name the fetch they belong to, and have a traceback only if it is of use."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_fetch: ContextVar[str] = ContextVar("fetch", default="")


@contextmanager
def in_fetch(log_id: int) -> Iterator[None]:
    """Prefix every line logged inside the block with the id of the fetch's log."""
    token = _fetch.set(f"fetch {log_id}: ")
    try:
        yield
    finally:
        _fetch.reset(token)


class FetchFilter(logging.Filter):
    """Set `fetch` on each record: "fetch 12: ", or an empty string outside a fetch."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.fetch = _fetch.get()
        return True


class RefusedFilter(logging.Filter):
    """Leave out the traceback of a refused request: anyone could fill the log with them, and the message says why."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django sets `status_code`, except for a host that is not allowed and other suspicious requests.
        if record.name.startswith("django.security.") or getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return True
