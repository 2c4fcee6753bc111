"""The banners: the demo, refused keys, used-up quota."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.dashboard.tests.builders import keyword_with_videos
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys
from apps.quota.models import ApiKey

pytestmark = pytest.mark.django_db


def wait(hours: float) -> None:
    """Open the incident of a used-up search quota."""
    until = timezone.now() + timedelta(hours=hours)
    incidents.open(Incident.Kind.SEARCHES_USED_UP, "All searches are used.", until=until)


def banners(client: Client) -> str:
    return client.get("/").content.decode().partition("<main")[0].partition("</header>")[2]


def test_it_works(client: Client) -> None:
    wait(hours=5.1)
    assert "Daily search limit reached.</strong>" in banners(client)
    assert "in 5 h" in banners(client)


@time_machine.travel("2026-11-20T04:48:00Z", tick=False)
def test_a_pause_until_the_reset_names_it(client: Client) -> None:
    wait(hours=3.2)
    assert "at 08:00 UTC (in 3 h 12 min)" in re.sub("</?time[^>]*>", "", banners(client))


def test_all_well(client: Client) -> None:
    keyword_with_videos()
    keys.sync()
    assert banners(client).count('class="banner') == 1  # the one that only a lost connection shows


def test_a_pause_that_is_over_is_not_shown(client: Client) -> None:
    wait(hours=-1)
    assert "Daily search limit reached" not in banners(client)


def test_an_end_that_has_passed_is_not_shown(client: Client) -> None:
    until = timezone.now() - timedelta(minutes=1)
    incidents.open(Incident.Kind.KEYS_COOLING_DOWN, "API keys cooling down.", until=until)
    assert "Retrying automatically." in banners(client)
    assert "searches resume" not in banners(client)


def test_a_blocked_invidious_does_not_stop_youtube(client: Client) -> None:
    until = timezone.now() + timedelta(hours=1)
    incidents.open(Incident.Kind.INVIDIOUS_BLOCKED, "Invidious refused the search.", until=until)
    assert "Invidious is tried again at" in banners(client)
    assert "searches resume" not in banners(client)


def test_a_key_that_cools_down_need_not_be_replaced(client: Client) -> None:
    keys.sync()
    keys.cool_down(ApiKey.objects.get(position=1), "The API is not enabled.", timedelta(hours=1))
    shown = banners(client)

    assert "API key refused.</strong> second: The API is not enabled." in shown
    assert "The key is tried again" in shown
    assert "Replace it" not in shown
    assert Incident.objects.get().is_retried


def test_a_refused_key_is_named_with_its_reason(client: Client) -> None:
    keys.sync()
    keys.refuse(ApiKey.objects.get(position=1), "The key is not valid.")
    shown = banners(client)

    assert "API key refused.</strong> second: The key is not valid." in shown
    assert "first" not in shown
    assert not Incident.objects.get().is_retried


def test_a_suspended_project_is_not_retried(client: Client) -> None:
    keys.suspend("birds", "Google has suspended the project.")
    assert "Remove its keys from" in banners(client)
    assert not Incident.objects.get().is_retried


def test_a_refused_query_can_be_paused_or_deleted(client: Client) -> None:
    entry = keyword_with_videos()
    incidents.open(Incident.Kind.QUERY_REFUSED, "YouTube refuses this query.", subject=str(entry.pk))
    assert f'Tried again once a day. <a href="/keywords/{entry.pk}/">Pause or delete it</a>' in banners(client)


def test_a_keyword_that_fails_again_and_again_leads_to_its_log(client: Client) -> None:
    entry = keyword_with_videos()
    incidents.open(Incident.Kind.KEYWORD_FAILS, "The worker stopped.", subject=str(entry.pk))
    assert f'<a href="/keywords/{entry.pk}/log/">Its fetch log</a>' in banners(client)


def test_the_demo_says_that_its_videos_are_invented(client: Client, settings: Any) -> None:
    settings.DEMO = True
    assert "These videos are invented. To watch YouTube," in banners(client)
    assert "YT_KEYS=" in banners(client)
