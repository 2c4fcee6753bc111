"""Retry a source that is unavailable, and open an incident if it stays so."""

import random
import time
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from apps.incidents import incidents
from apps.incidents.models import Incident
from core.errors import SourceUnavailable

ATTEMPTS = 3


def retry_unavailable(
    kind: Incident.Kind, *, subject: str = "", deadline: float, reserve: Callable[[], bool] = lambda: True
) -> Retrying:
    """Return a callable that calls a function, and calls it again while it raises SourceUnavailable.

    It waits 1 and 2 seconds plus jitter, or as long as the source asked for. `reserve` must return True before each
    further attempt, and none begins after `deadline` (of time.monotonic()). If the last attempt fails, an incident
    of this kind and subject is opened; while any of this kind is open there is only one attempt. Closing it is up to
    the caller.
    Raises what the function raised.
    """

    def stop(state: RetryCallState) -> bool:
        if incidents.is_open(kind):
            return True  # an incident of another subject counts, too
        if state.attempt_number == ATTEMPTS or time.monotonic() + state.upcoming_sleep > deadline:
            incidents.open(kind, str(_error(state)), subject=subject)
            return True
        return not reserve()

    return Retrying(
        retry=retry_if_exception_type(SourceUnavailable), wait=_wait, stop=stop, sleep=time.sleep, reraise=True
    )


def _wait(state: RetryCallState) -> float:
    return random.random() + max(1 << (state.attempt_number - 1), _error(state).retry_after or 0)


def _error(state: RetryCallState) -> SourceUnavailable:
    error = state.outcome and state.outcome.exception()
    assert isinstance(error, SourceUnavailable)
    return error
