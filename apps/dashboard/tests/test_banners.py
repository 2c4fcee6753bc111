"""What every page says first: the demo, keys that are refused, quota that is spent."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.dashboard.tests.builders import keyword_with_videos, log_of
from apps.quota import ledger
from apps.quota.models import ApiKey
from apps.videos.models import KeyWordEntry, VideoLog

pytestmark = pytest.mark.django_db


def wait(hours: int) -> KeyWordEntry:
    """Return a keyword that waits for quota since its last fetch."""
    entry, until = keyword_with_videos(), timezone.now() + timedelta(hours=hours)
    log_of(entry, status=VideoLog.Status.WAITING, waiting_until=until, message="Today's searches are spent.")
    KeyWordEntry.objects.update(next_due_at=until)
    return entry


def banners(client: Client) -> str:
    return client.get("/").content.decode().partition("<main")[0].partition("</header>")[2]


def test_it_works(client: Client) -> None:
    wait(hours=5)
    assert "Waiting for quota.</strong> Today&#x27;s searches are spent. Fetches go on <time" in banners(client)


def test_all_well(client: Client) -> None:
    keyword_with_videos()
    ledger.sync_keys()
    assert banners(client).count('class="banner') == 1  # the one that only a lost connection shows


def test_a_wait_that_is_over_is_not_told(client: Client) -> None:
    wait(hours=-1)
    assert "Waiting" not in banners(client)


def test_a_keyword_that_goes_on_earlier_does_not_wait(client: Client) -> None:
    wait(hours=5)
    KeyWordEntry.objects.update(next_due_at=timezone.now() + timedelta(minutes=1))
    assert "Waiting" not in banners(client)


def test_a_refused_key_is_named_with_its_reason(client: Client) -> None:
    ledger.sync_keys()
    ledger.refuse(ApiKey.objects.get(position=1), "The key is not valid.")
    shown = banners(client)

    assert "YouTube does not accept second.</strong> The key is not valid." in shown
    assert "first" not in shown


def test_the_demo_says_that_its_videos_are_invented(client: Client, settings: Any) -> None:
    settings.DEMO = True
    assert "These videos are invented." in banners(client)
    assert "YT_KEYS=" in banners(client)
