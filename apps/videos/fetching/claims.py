"""A claim ends with its holder: the holder renews it, and beat ends one that is no longer renewed.

No clock takes part, since the clocks of two machines differ and any clock may be set. A renewal only has to change
`claimed_at`. Beat observes all claims and measures how long each has not changed, in time that has passed.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from django import db
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from apps.quota import pacific
from apps.videos.fetching import failing
from apps.videos.models import KeyWordEntry, VideoLog

logger = logging.getLogger(__name__)

# Most fetches are shorter, and cost no renewal.
RENEW_SECONDS = 8
RETRY_SECONDS = 1

# Longer than a holder is silent while SQLite waits for its lock: a renewal then comes late by `timeout`, 20 s.
SILENT_SECONDS = 30

CHECK_SECONDS = 5

# The delay after workers died in a keyword's last fetches, by their number. The first may have been stopped with its
# machine; if the next dies as well, the keyword may be the cause, and each attempt costs a search.
RETRY_DELAYS: Final = [timedelta(0), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4)]


@contextmanager
def renewed(keyword_id: int, renew: Callable[[], bool]) -> Iterator[None]:
    """Renew a keyword's claim inside the block, in a thread, but no longer than Celery lets a task run.

    `renew` does it, and returns False if the claim has ended.
    """
    over = threading.Event()
    threading.Thread(target=_renew, args=(renew, over), name=f"claim-{keyword_id}", daemon=True).start()
    try:
        yield
    finally:
        # The thread is not waited for: it may be waiting for a lock, and renews only what is still claimed.
        over.set()


def _renew(renew: Callable[[], bool], over: threading.Event) -> None:
    deadline, pause = time.monotonic() + settings.CELERY_TASK_TIME_LIMIT, RENEW_SECONDS
    while not over.wait(pause) and time.monotonic() < deadline:
        try:
            if not renew():
                return
            pause = RENEW_SECONDS
        except db.Error:
            logger.warning("a claim could not be renewed", exc_info=True)
            pause = RETRY_SECONDS
        finally:
            connection.close()


class Watcher:
    """Ends each claim that has not been renewed for SILENT_SECONDS, and closes the log of its fetch."""

    def __init__(self) -> None:
        self._checked_at = self._read_at = time.monotonic()
        # When each claim was first seen in its current state, by time.monotonic().
        self._since: dict[tuple[int, str, datetime | None], float] = {}

    def check(self) -> bool:
        """Look at the claims if CHECK_SECONDS have passed since the last time; return whether one was ended.

        One query if none was.
        """
        now, ended = time.monotonic(), False
        if now - self._checked_at < CHECK_SECONDS:
            return False
        self._checked_at = now
        try:
            claimed = KeyWordEntry.including_deleted.exclude(claim_token="")
            claims = list(claimed.values_list("pk", "claim_token", "claimed_at"))
            if now - self._read_at > 2 * CHECK_SECONDS:
                # Beat could not look, or slept: the database was away, so no holder could renew its claim either.
                self._since = {}
            self._read_at = now
            self._since = {claim: self._since.get(claim, now) for claim in claims}
            for claim, since in self._since.items():
                if now - since >= SILENT_SECONDS:
                    ended |= end(*claim)
        except db.Error:
            logger.exception("the claims could not be checked")
        return ended


def end(keyword_id: int, token: str, claimed_at: datetime | None) -> bool:
    """End the claim and return True, unless it has been renewed or released in the meantime."""
    with transaction.atomic():
        same = KeyWordEntry.including_deleted.filter(pk=keyword_id, claim_token=token, claimed_at=claimed_at)
        for entry in same.lock():
            entry.logs.close_abandoned()
            entry.release(token, **_postponed(entry))
            break
        else:
            return False
    logger.warning("the worker that had claimed keyword %s has stopped", keyword_id)
    failing.sync_incident(entry)
    return True


def _postponed(entry: KeyWordEntry) -> dict[str, Any]:
    """Return the fields of `entry` that change because its worker died: when it is due, if the one before died, too."""
    codes = entry.logs.newest_first().values_list("error_code", flat=True)[: len(RETRY_DELAYS)]
    died = len(list(takewhile(lambda code: code == VideoLog.WORKER_DIED, codes)))
    if died < 2 or entry.next_due_at is None:
        return {}
    now = timezone.now()
    # A plan moves what is due after the reset.
    pause = min(now + RETRY_DELAYS[died - 1], pacific.next_reset(now))
    later = {"next_due_at": max(entry.next_due_at, pause, now + timedelta(seconds=entry.current_interval))}
    return later | ({"audit_due_at": max(entry.audit_due_at, pause)} if entry.audit_due_at else {})
