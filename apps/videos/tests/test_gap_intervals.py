"""Gaps as intervals: merged and shrunk without losing a date that is still to be searched."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.videos.fetching.gaps import INDEX_DELAY, Gap, complete_from, left_by_search, merge, roughness, window_start

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
        ([gap(0, 1), gap(1, 2, late=True)], [gap(1, 2, late=True), gap(0, 1)]),
        ([gap(0, 2), gap(1, 3, late=True)], [gap(2, 3, late=True), gap(0, 2)]),
        ([gap(1, 2), gap(0, 3, late=True)], [gap(2, 3, late=True), gap(1, 2), gap(0, 1, late=True)]),
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
def test_merged_gaps_do_not_overlap_and_are_newest_first(gaps: list[Gap]) -> None:
    merged = merge(gaps)
    assert all(newer.after >= older.before for newer, older in pairwise(merged))
    assert all(newer.after > older.before for newer, older in pairwise(merged) if newer.late == older.late)
    assert merge(merged) == merged
    assert {gap.before for gap in merged} <= {gap.before for gap in gaps} | {gap.after for gap in gaps if not gap.late}


@given(gap_values, hours)
def test_a_gap_only_shrinks_at_its_newer_end(gap: Gap, complete: datetime) -> None:
    left = gap.shrunk(complete)
    if left:
        assert left == Gap(gap.after, min(complete, gap.before))
        assert gap.after < left.before
    else:
        assert complete <= gap.after


@given(hours, st.integers(0, 100).map(lambda tenths: tenths * HOUR / 10), hours, st.integers(1, 100_000))
def test_what_a_search_does_not_show_is_a_gap(
    through: datetime, overlap: timedelta, complete: datetime, interval: int
) -> None:
    start = through - overlap
    complete = max(start, complete)
    left = left_by_search(through, start, complete, timedelta(seconds=interval), NOW)
    urgent, late = [gap for gap in left if not gap.late], [gap for gap in left if gap.late]
    assert bool(urgent) == (complete > through)
    for gap in urgent:
        assert start <= gap.after <= through
        assert gap.before == complete
    for gap in late:
        assert gap.after >= through - INDEX_DELAY
        assert gap.before <= NOW - INDEX_DELAY
    indexed_late = [min(start if complete <= start else complete, through), NOW - INDEX_DELAY]
    if through - INDEX_DELAY < min(*indexed_late, start):
        assert late


def test_the_oldest_few_dates_do_not_count() -> None:
    dates = [NOW - number * HOUR for number in range(20)]
    second = timedelta(seconds=1)
    assert complete_from(dates, NOW) == dates[-5] + second
    assert complete_from(dates[:3], NOW) == dates[0] + second
    assert complete_from([], NOW) == NOW


MINUTE = timedelta(minutes=1)


def rough_dates(by: int) -> list[datetime]:
    """Return 50 dates, a minute apart, sorted by a date that is wrong by up to `by` minutes."""
    random = Random(1)
    ordered = sorted(range(50), key=lambda number: number + random.uniform(-by, by))
    return [NOW - number * MINUTE for number in ordered]


def test_the_roughness_of_the_order_is_measured() -> None:
    assert roughness([]) == roughness([NOW]) == roughness([NOW] * 50) == timedelta()
    assert roughness(rough_dates(0)) == timedelta()
    assert 4 * MINUTE <= roughness(rough_dates(5)) <= 10 * MINUTE
    assert 10 * MINUTE <= roughness(rough_dates(15)) <= 30 * MINUTE


@pytest.mark.parametrize("absurd", [NOW - 500 * HOUR, NOW + 500 * HOUR])
@pytest.mark.parametrize("position", [0, 20, 49])
def test_an_absurd_date_does_not_change_it_much(absurd: datetime, position: int) -> None:
    dates = rough_dates(5)
    dates.insert(position, absurd)
    assert 4 * MINUTE <= roughness(dates) <= 15 * MINUTE


def test_a_search_of_a_busy_keyword_begins_as_late_as_a_page_needs() -> None:
    known = [NOW - number * MINUTE for number in range(60)]
    assert window_start(NOW, known[:20], 3, 50) == NOW - 3 * HOUR
    assert window_start(NOW, known, 3, 50) == NOW - 43 * MINUTE, "3 new ones, or some more, and 44 known"
    assert NOW - 40 * MINUTE < window_start(NOW, known, 60, 50) < NOW, "two pages are needed anyway"
