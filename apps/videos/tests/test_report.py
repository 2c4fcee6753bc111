"""The state of today: what is left, how long it lasts, what was used."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from apps.conftest import MovableTime
from apps.quota import keys
from apps.quota.models import QuotaSpend
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat, report
from apps.videos.tests.builders import spend, watched

MIDNIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
RESET = MIDNIGHT + timedelta(days=1)


@pytest.fixture(autouse=True)
def one_key(frozen_time: MovableTime, settings, db) -> None:
    frozen_time.move_to(MIDNIGHT)
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()


def test_it_works() -> None:
    watched(kestrel=10, falcon=40, hobby=10)
    spend(3)
    today = report.today()
    assert today.quota.resets_at == RESET
    assert (today.scheduled.left, today.scheduled.per_day, today.searches_per_day) == (95, 98, 100)
    assert [entry.keyword for entry in today.plan] == ["falcon", "hobby", "kestrel"]
    assert today.search_rate == pytest.approx(98, rel=0.06)
    assert today.ends_at is None


def test_searches_that_do_not_last_are_forecast(frozen_time: MovableTime) -> None:
    watched(kestrel=10)
    frozen_time.move(hours=6)
    spend(80)
    before = report.today()
    assert before.ends_at == timezone.now() + timedelta(days=18 / before.search_rate)
    beat.sync()
    assert report.today().ends_at is None, "the next plan makes them last"


def test_searches_that_last_for_ten_thousand_years(settings) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 1_000_000}
    KeyWordEntry.objects.create(keyword="kestrel", interval=30 * 86_400)
    beat.sync()
    assert report.today().ends_at is None


def test_where_nothing_is_scheduled_nothing_is_forecast() -> None:
    today = report.today()
    assert (today.search_rate, today.mean_interval, today.ends_at) == (0, 0, None)


def test_hours_and_days_show_what_was_used(frozen_time: MovableTime) -> None:
    for minutes, searches in ((0, 1), (59, 2), (60, 4), (150, 1)):
        VideoLog.objects.create(searches=searches, created_at=MIDNIGHT + timedelta(minutes=minutes))
    VideoLog.objects.create(searches=9, created_at=MIDNIGHT - timedelta(seconds=1))
    for day, project, spent in ((date(2026, 11, 20), "birds", 7), (date(2026, 11, 20), "cats", 5)):
        QuotaSpend.objects.create(day=day, project=project, bucket="search", used=spent)
    QuotaSpend.objects.create(day=date(2026, 11, 20), project="birds", bucket="general", used=400)
    QuotaSpend.objects.create(day=date(2026, 10, 22), project="birds", bucket="search", used=99)
    frozen_time.move(hours=2, minutes=30)

    today = report.today()

    assert [hour.searches for hour in today.hours] == [3, 4, 1] + [None] * 21
    assert (today.hours[0].start, today.hours[-1].start) == (MIDNIGHT, RESET - timedelta(hours=1))
    assert (len(today.days), today.days[0].day, today.days[-1].day) == (30, date(2026, 10, 23), date(2026, 11, 21))
    assert [day.searches for day in today.days[-3:]] == [0, 12, 0]
    assert sum(day.searches for day in today.days) == 12


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08T12:00Z", 23), ("2026-11-01T12:00Z", 25)])
def test_days_have_as_many_hours_as_they_have(frozen_time: MovableTime, day: str, hours: int) -> None:
    frozen_time.move_to(datetime.fromisoformat(day))
    assert len(report.today().hours) == hours


def test_it_costs_the_same_whatever_there_is(django_assert_num_queries) -> None:
    watched(**{f"word{number}": number for number in range(1, 20)})
    with django_assert_num_queries(9):  # keys and spending twice, the plan, the pause, logs twice, days
        report.today()
