"""Patience with a source that is away."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from apps.quota import troubles
from apps.quota.models import Trouble
from core.errors import SourceAway

T = TypeVar("T")

TRIES = 3


def patiently(
    call: Callable[[], T],
    away: Trouble.Kind,
    *,
    subject: str = "",
    deadline: float,
    pay: Callable[[], bool] = lambda: True,
) -> T:
    """Return `call()`; where its source is away call again after 1 and 2 seconds and some more, or when it says.

    Each further try is paid for by `pay`, and none begins after `deadline`, on the clock of time.monotonic(). When
    patience ends, the trouble `away` with `subject` begins; while it is open, one try is enough to see whether the
    source is back. To end it is the caller's. Raises what `call` raised.
    """
    for attempt in range(TRIES):
        try:
            return call()
        except SourceAway as error:
            if troubles.is_open(away, subject):
                raise
            pause = max(2**attempt, error.retry_after or 0) + random.random()
            if attempt == TRIES - 1 or time.monotonic() + pause > deadline:
                troubles.begin(away, str(error), subject=subject)
                raise
            if not pay():
                raise
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")
