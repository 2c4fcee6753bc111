"""Log lines that say to which fetch they belong."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_fetch: ContextVar[str] = ContextVar("fetch", default="")


@contextmanager
def in_fetch(number: int) -> Iterator[None]:
    """Let every line that is logged meanwhile begin with the fetch's number."""
    before = _fetch.set(f"fetch {number}: ")
    try:
        yield
    finally:
        _fetch.reset(before)


class FetchFilter(logging.Filter):
    """Give each record `fetch`: "fetch 12: ", or nothing outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.fetch = _fetch.get()
        return True
