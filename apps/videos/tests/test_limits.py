"""How long a fetch may take: each limit is longer than the one inside it."""

import configparser

from django.conf import settings

from apps.quota.youtube import WORK_SECONDS
from apps.videos.fetching import claims, reconnecting
from apps.videos.models import LONGEST_FETCH
from core import bounded, invidious_api, youtube_api


def wait_for_lock() -> float:
    """Return for how many seconds a writer waits for SQLite's lock before it fails."""
    return settings.DATABASES["default"].get("OPTIONS", {}).get("timeout", 20)


def test_the_limits_are_in_order() -> None:
    last_of_youtube = youtube_api.TIMEOUT_SECONDS + bounded.MAX_SECONDS
    last_of_invidious = invidious_api.TIMEOUT_SECONDS + bounded.MAX_SECONDS
    lost_connections = 2 * sum(reconnecting.PAUSES)
    longest = WORK_SECONDS + last_of_youtube + last_of_invidious + wait_for_lock() + lost_connections

    limits = [
        longest,
        settings.CELERY_TASK_SOFT_TIME_LIMIT,
        settings.CELERY_TASK_TIME_LIMIT,
        LONGEST_FETCH.total_seconds(),
        settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"],
    ]
    assert limits == sorted(set(limits))


def test_a_renewal_that_waits_for_the_lock_comes_in_time() -> None:
    late = claims.RENEW_SECONDS + wait_for_lock() + claims.RETRY_SECONDS
    assert late < claims.SILENT_SECONDS


def test_a_stopped_worker_can_finish_its_fetch() -> None:
    supervised = configparser.RawConfigParser()
    supervised.read(settings.BASE_DIR / "config" / "supervisord.conf")
    assert supervised.getint("program:worker", "stopwaitsecs") > settings.CELERY_TASK_TIME_LIMIT
