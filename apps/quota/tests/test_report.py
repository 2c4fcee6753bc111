"""What is left today, for each project."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from apps.quota import ledger, report
from apps.quota.ledger import Purpose
from apps.quota.tests.conftest import NOW, UseKeys

pytestmark = pytest.mark.usefixtures("clock")


def test_it_works(use_keys: UseKeys, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 100, "cats": 30}
    use_keys("birds=one", "cats=two", "birds=three")
    for _ in range(3):
        ledger.reserve("birds", "search", Purpose.MANUAL)
    ledger.reserve("cats", "general", Purpose.MANUAL)
    with django_assert_num_queries(2):  # keys, used quota
        today = report.today()
    assert today.day == date(2026, 11, 22)
    assert today.resets_at == datetime(2026, 11, 23, 8, tzinfo=UTC)
    birds, cats = today.projects
    assert (birds.project, [key.label for key in birds.keys]) == ("birds", ["birds", "birds (2)"])
    assert (birds.search.limit, birds.search.used, birds.search.left) == (100, 3, 97)
    assert (cats.search.left, cats.general.left, cats.general.limit) == (30, 9_999, 10_000)


def test_it_handles_a_refusal(use_keys: UseKeys) -> None:
    use_keys("birds=one")
    ledger.mark_exhausted("birds", "search", timezone.now())
    (birds,) = report.today().projects
    assert (birds.search.left, birds.search.used, birds.search.refused_at) == (0, 0, NOW)
    assert birds.general.left == 10_000


def test_it_handles_a_limit_below_what_is_used(use_keys: UseKeys, settings: Settings) -> None:
    use_keys("birds=one")
    for _ in range(3):
        ledger.reserve("birds", "search", Purpose.MANUAL)
    settings.YT_SEARCHES_PER_DAY = {"": 2}
    assert report.today().projects[0].search.left == 0


def test_it_handles_a_new_day(use_keys: UseKeys, clock: time_machine.Traveller) -> None:
    use_keys("birds=one")
    ledger.mark_exhausted("birds", "search", timezone.now())
    clock.shift(timedelta(days=1))
    assert report.today().projects[0].search.left == 100


def test_it_handles_no_keys(use_keys: UseKeys) -> None:
    use_keys()
    assert report.today().projects == []
