"""How long a fetch may take: each limit leaves room for the one inside it."""

import configparser

from django.conf import settings

from apps.quota.youtube import WORK_SECONDS
from apps.videos.models import CLAIM_AGE_LIMIT
from core import bounded, invidious_api, youtube_api


def test_nobody_ends_a_fetch_that_may_still_end_by_itself() -> None:
    last_of_youtube = youtube_api.TIMEOUT_SECONDS + bounded.MAX_SECONDS
    last_of_invidious = invidious_api.TIMEOUT_SECONDS + bounded.MAX_SECONDS
    turn_to_store = settings.DATABASES["default"]["OPTIONS"].get("timeout", 20)
    longest = WORK_SECONDS + last_of_youtube + last_of_invidious + turn_to_store

    limits = [
        longest,
        settings.CELERY_TASK_SOFT_TIME_LIMIT,
        settings.CELERY_TASK_TIME_LIMIT,
        CLAIM_AGE_LIMIT.total_seconds(),
        settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"],
    ]
    assert limits == sorted(set(limits))


def test_a_worker_that_is_stopped_may_end_its_fetch() -> None:
    supervised = configparser.RawConfigParser()
    supervised.read(settings.BASE_DIR / "config" / "supervisord.conf")
    assert supervised.getint("program:worker", "stopwaitsecs") > settings.CELERY_TASK_TIME_LIMIT
