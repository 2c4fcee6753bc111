"""The day of YouTube's quota, also when the clocks change."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.quota.pacific import day_of, next_reset, share_elapsed, start_of


def test_it_works() -> None:
    moment = datetime(2026, 11, 22, 7, 59, 59, tzinfo=UTC)
    assert day_of(moment) == date(2026, 11, 21)
    assert next_reset(moment) == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert day_of(moment + timedelta(seconds=1)) == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("day", "begins", "hours"),
    [
        (date(2026, 1, 15), 8, 24),
        (date(2026, 7, 15), 7, 24),
        (date(2026, 3, 8), 8, 23),
        (date(2026, 3, 9), 7, 24),
        (date(2026, 11, 1), 7, 25),
        (date(2026, 11, 2), 8, 24),
    ],
)
def test_it_handles_summer_and_winter(day: date, begins: int, hours: int) -> None:
    start = start_of(day)
    assert start == datetime(day.year, day.month, day.day, begins, tzinfo=UTC)
    assert next_reset(start) - start == timedelta(hours=hours)
    assert share_elapsed(start + timedelta(hours=hours / 2)) == pytest.approx(0.5)


def test_a_reset_lies_after_its_moment() -> None:
    midnight = datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert next_reset(midnight) == datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_it_takes_any_zone() -> None:
    moment = datetime.fromisoformat("2026-11-22T13:00:00+09:00")
    assert day_of(moment) == date(2026, 11, 21)
    assert next_reset(moment) == datetime(2026, 11, 22, 8, tzinfo=UTC)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))
@example(datetime(2026, 11, 1, 8, 30, tzinfo=UTC))
@example(datetime(2026, 11, 1, 9, 30, tzinfo=UTC))
def test_every_moment_lies_in_its_day(moment: datetime) -> None:
    assert start_of(day_of(moment)) <= moment < next_reset(moment)
    assert 0 <= share_elapsed(moment) < 1
    assert day_of(next_reset(moment)) == day_of(moment) + timedelta(days=1)
