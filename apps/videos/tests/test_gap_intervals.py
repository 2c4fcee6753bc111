"""Gaps as intervals: merged and shrunk without losing a date that is still to be searched."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.videos.fetching.gaps import INDEX_DELAY, Gap, left_by_search, merge, reached_back_to

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

hours = st.integers(-200, 0).map(lambda tenths: NOW + tenths * HOUR / 10)
gap_values = st.builds(
    lambda one, two, late: Gap(min(one, two), max(one, two) + HOUR / 20, late), hours, hours, st.booleans()
)


def gap(after: float, before: float, late: bool = False) -> Gap:
    return Gap(NOW + after * HOUR, NOW + before * HOUR, late)


@pytest.mark.parametrize(
    ("gaps", "merged"),
    [
        ([gap(0, 1), gap(2, 3)], [gap(2, 3), gap(0, 1)]),
        ([gap(0, 2), gap(1, 3)], [gap(0, 3)]),
        ([gap(0, 3), gap(1, 2)], [gap(0, 3)]),
        ([gap(0, 1), gap(1, 2), gap(2, 3)], [gap(0, 3)]),
        ([gap(0, 1, late=True), gap(2, 3, late=True)], [gap(0, 3, late=True)]),
        ([gap(0, 1, late=True), gap(3, 4, late=True)], [gap(3, 4, late=True), gap(0, 1, late=True)]),
        ([gap(0, 1), gap(1, 2, late=True)], [gap(0, 2)]),
        ([gap(0, 1), gap(2, 3, late=True)], [gap(2, 3, late=True), gap(0, 1)]),
        ([gap(0, 5), gap(1, 2), gap(3, 4)], [gap(0, 5)]),
    ],
)
def test_gaps_that_touch_become_one(gaps: list[Gap], merged: list[Gap]) -> None:
    assert merge(gaps) == merged


@given(st.lists(gap_values, max_size=8), hours)
def test_merging_keeps_every_date(gaps: list[Gap], date: datetime) -> None:
    merged = merge(gaps)
    if any(gap.after <= date <= gap.before for gap in gaps):
        assert any(gap.after <= date <= gap.before for gap in merged)
    if any(gap.after <= date <= gap.before and not gap.late for gap in gaps):
        assert any(gap.after <= date <= gap.before and not gap.late for gap in merged), "it stays urgent"


@given(st.lists(gap_values, max_size=8))
def test_merged_gaps_do_not_touch_and_are_newest_first(gaps: list[Gap]) -> None:
    merged = merge(gaps)
    assert all(newer.after > older.before for newer, older in pairwise(merged))
    assert merge(merged) == merged
    assert {gap.before for gap in merged} <= {gap.before for gap in gaps}


@given(gap_values, st.none() | hours)
def test_a_gap_only_shrinks_at_its_newer_end(gap: Gap, reached: datetime | None) -> None:
    left = gap.shrunk(reached)
    if reached is None:
        assert left == gap
    elif left:
        assert left.after == gap.after < left.before < gap.before
        assert not left.late
    else:
        assert min(reached, gap.before) <= gap.after + HOUR / 6


@given(hours, hours, st.integers(1, 100_000))
def test_a_page_that_does_not_reach_back_leaves_a_gap(mark: datetime, reached: datetime, interval: int) -> None:
    left = left_by_search(mark, reached, timedelta(seconds=interval), NOW)
    if reached > mark:
        assert left is not None
        assert left.after <= mark
        assert left.before > reached
        assert not left.late
    elif left:
        assert left.late
        assert left.before <= NOW - INDEX_DELAY


def test_the_oldest_few_dates_do_not_count() -> None:
    dates = [NOW - number * HOUR for number in range(20)]
    assert reached_back_to(dates, NOW) == dates[-5]
    assert reached_back_to(dates[:3], NOW) == dates[0]
    assert reached_back_to([], NOW) == NOW
