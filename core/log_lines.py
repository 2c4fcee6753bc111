"""Log lines that name the fetch they belong to."""

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
