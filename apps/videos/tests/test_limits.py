"""How long a fetch may take: each limit is longer than the one inside it."""

import configparser

from django.conf import settings

from apps.quota.youtube import WORK_SECONDS
from apps.videos.models import CLAIM_AGE_LIMIT
from core import bounded, invidious_api, youtube_api


def test_the_limits_are_in_order() -> None:
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


def test_a_stopped_worker_can_finish_its_fetch() -> None:
    supervised = configparser.RawConfigParser()
    supervised.read(settings.BASE_DIR / "config" / "supervisord.conf")
    assert supervised.getint("program:worker", "stopwaitsecs") > settings.CELERY_TASK_TIME_LIMIT
