"""Spend calls: the next key where one is out or refused, patience where YouTube is away."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from apps.quota import ledger, pacific, troubles
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey, Trouble
from apps.quota.patience import patiently
from core.errors import Bucket, BucketExhausted, KeyRefused, KeyResting, ProjectSuspended, SourceAway, SourceBlocked

logger = logging.getLogger(__name__)

T = TypeVar("T")

# How long to leave YouTube alone by one key where what answers is not YouTube.
BLOCKED = timedelta(minutes=15)

# YouTube's clock and ours may differ by so much at most.
MIDNIGHT = timedelta(minutes=5)


class NothingLeft(Exception):
    """No key can pay for the call. `until` is when one can again; None means not before a person acts. `resting`
    tells that it waits for a key, not for the reset."""

    def __init__(self, message: str, until: datetime | None, *, resting: bool = False) -> None:
        super().__init__(message)
        self.until = until
        self.resting = resting


@dataclass(slots=True)
class Purse:
    """What one piece of work may spend, and what it did spend.

    `deadline` is on the clock of time.monotonic(): no call is begun after it. `keep_account` is called before each
    call, when it is paid for: whoever dies in the middle of it has still told what it cost.
    """

    deadline: float
    keep_account: Callable[["Purse"], object] = lambda purse: None
    searches: int = 0
    units: int = 0

    def spend(self, bucket: Bucket, purpose: Purpose, call: Callable[[str], T]) -> T:
        """Return `call(key)` for the first key that YouTube accepts and whose project can pay.

        Raises NothingLeft, or what the call raised if another key would not help: BadQuery, SourceAway,
        ProjectSuspended.
        """
        for key, secret in ledger.usable_keys():
            if time.monotonic() > self.deadline:
                raise SourceAway("YouTube took too long to answer.")
            pay = partial(self._reserve, key, bucket, purpose)
            if not pay():
                continue
            asked_at = timezone.now()
            try:
                result = patiently(
                    partial(call, secret), Trouble.Kind.YOUTUBE_AWAY, subject=bucket, deadline=self.deadline, pay=pay
                )
            except BucketExhausted as error:
                logger.warning("%s: %s", key.label, error)
                if timezone.now() - pacific.start_of(pacific.day_of(asked_at)) < MIDNIGHT:
                    # By YouTube's clock it may still be yesterday, whose end is no reason to wait a whole day.
                    ledger.rest(key, str(error), MIDNIGHT)
                    continue
                # An older server calls its search bucket "quota": what refused the call is empty in any case.
                for empty in {bucket, error.bucket}:
                    ledger.mark_empty(key.project, empty, asked_at)
                if ledger.learn_consumer(key, error.consumer):
                    # Other keys may have turned out to belong to this project: look at them anew.
                    return self.spend(bucket, purpose, call)
            except ProjectSuspended as error:
                logger.error("%s: %s", key.label, error)
                ledger.suspend(key.project, str(error))
                raise
            except KeyRefused as error:
                logger.error("%s: %s", key.label, error)
                ledger.refuse(key, str(error))
            except KeyResting as error:
                logger.warning("%s: %s", key.label, error)
                ledger.rest(key, str(error), error.rest)
            except SourceBlocked as error:
                # The key is innocent, and so is the next: something stands between us and YouTube.
                logger.warning("%s: %s", key.label, error)
                ledger.rest(key, str(error), BLOCKED)
            else:
                if key.state == ApiKey.State.RESTING:
                    ledger.end_rest(key)
                troubles.end(Trouble.Kind.YOUTUBE_AWAY, subject=bucket)
                return result
            # It refuses, so it answers.
            troubles.end(Trouble.Kind.YOUTUBE_AWAY, subject=bucket)
        raise _nothing_left(bucket, purpose)

    def _reserve(self, key: ApiKey, bucket: Bucket, purpose: Purpose) -> bool:
        # Meanwhile another worker may have learned to which project the key belongs.
        current = ApiKey.objects.filter(pk=key.pk).values_list("project", flat=True).first()
        if current is None:
            return False
        key.project = current
        if not ledger.reserve(key.project, bucket, purpose):
            return False
        if bucket == "search":
            self.searches += 1
        else:
            self.units += 1
        self.keep_account(self)
        return True


def _nothing_left(bucket: Bucket, purpose: Purpose) -> NothingLeft | ProjectSuspended:
    """Say why no key could pay, and until when."""
    if not settings.YT_KEYS:
        return NothingLeft("No YouTube key is configured (YT_KEYS).", None)
    now = timezone.now()
    rows = list(ApiKey.objects.all())
    if any(key.state == ApiKey.State.SUSPENDED for key in rows):
        message = "YouTube has suspended a project; its keys must leave YT_KEYS before others are used."
        return ProjectSuspended(message, "CONSUMER_SUSPENDED", 403)
    if all(key.state == ApiKey.State.REFUSED for key in rows):
        return NothingLeft("YouTube refuses every key of YT_KEYS.", None)
    # A key whose rest is over but whose project is spent keeps its state, and is nothing to wait for.
    resting = [key.resting_until for key in rows if key.resting_until and ledger.has_left(key.project, bucket, purpose)]
    if resting:
        reasons = " ".join(sorted({key.reason for key in rows if key.resting_until and key.resting_until > now}))
        until = min(*resting, pacific.next_reset(now))
        return NothingLeft(f"No key has calls left but those that rest. {reasons}", until, resting=True)
    what = "searches" if bucket == "search" else "units"
    if purpose is not Purpose.PERSON and any(ledger.has_left(key.project, bucket, Purpose.PERSON) for key in rows):
        what = "searches for schedules"
    return NothingLeft(f"Today's {what} are spent until 00:00 Pacific.", pacific.next_reset(now))
