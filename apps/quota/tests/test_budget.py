"""The day's searches are shared out among keywords."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.quota.budget import DAY, GRID, on_grid, share_out

wishes = st.dictionaries(st.integers(1, 10_000), st.none() | st.integers(1, 30 * 86_400), min_size=1, max_size=60)
budgets = st.floats(0.5, 100_000)


def asked_for(intervals: dict[int, int]) -> float:
    """Return how many searches a day the intervals ask for."""
    return sum(DAY / interval for interval in intervals.values())


def test_it_works() -> None:
    intervals = share_out({1: None, 2: None, 3: 86_400, 4: 10}, searches_a_day=90)
    assert intervals[3] == 86_400, "a wish that fits is kept"
    share = DAY * 3 / 89
    assert intervals[1] == intervals[2] == intervals[4]
    assert share <= intervals[1] <= share * GRID


def test_one_keyword_gets_all() -> None:
    assert share_out({1: None}, searches_a_day=90) == {1: on_grid(960)}
    assert share_out({1: 960}, searches_a_day=90) == {1: 960}
    assert share_out({1: 959}, searches_a_day=90) == {1: on_grid(960)}


def test_nobody_asks_for_nothing() -> None:
    assert share_out({}, searches_a_day=90) == {}


@pytest.mark.parametrize("searches", [0, -1])
def test_it_refuses_an_empty_budget(searches: int) -> None:
    with pytest.raises(ValueError, match="no searches"):
        share_out({1: None}, searches)


def test_a_thousand_keywords_share_a_few_schedules() -> None:
    hours = [None, *(3600 * hour for hour in (1, 6, 24))]
    intervals = share_out({keyword: hours[keyword % 4] for keyword in range(1000)}, searches_a_day=90)
    assert asked_for(intervals) <= 90
    assert len(set(intervals.values())) < 40


@given(wishes, budgets)
def test_it_never_exceeds_the_budget(wishes: dict[int, int | None], searches: float) -> None:
    assert asked_for(share_out(wishes, searches)) <= searches * (1 + 1e-9)


@given(wishes, budgets)
def test_everyone_is_served(wishes: dict[int, int | None], searches: float) -> None:
    intervals = share_out(wishes, searches)
    assert intervals.keys() == wishes.keys()
    # One step of the grid, and the second to which an interval is rounded up.
    least = DAY * len(wishes) / searches * GRID + 1
    assert all(0 < intervals[keyword] <= max(wish or 0, least) for keyword, wish in wishes.items())


@given(wishes, budgets)
def test_a_wish_that_fits_is_kept(wishes: dict[int, int | None], searches: float) -> None:
    share = DAY * len(wishes) / searches
    intervals = share_out(wishes, searches)
    for keyword, wish in wishes.items():
        if wish and wish >= share:
            assert intervals[keyword] == wish
        assert intervals[keyword] >= (wish or 0), "nobody is searched for more often than wished"


@given(wishes, budgets, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(wishes: dict[int, int | None], searches: float, random: object) -> None:
    shuffled = list(wishes.items())
    random.shuffle(shuffled)
    assert share_out(dict(shuffled), searches) == share_out(wishes, searches)


@given(wishes, budgets)
def test_who_wishes_for_more_gets_no_less(wishes: dict[int, int | None], searches: float) -> None:
    intervals = share_out(wishes, searches)
    by_wish = sorted(wishes, key=lambda keyword: wishes[keyword] or 0)
    # Shares are rounded up to the grid, so that one may be a step longer than a wish that just fits.
    for eager, patient in pairwise(by_wish):
        assert intervals[eager] <= intervals[patient] * GRID + 1


@given(st.floats(0.001, 1e9), st.floats(0.001, 1e9))
def test_the_grid_rounds_up_by_less_than_a_step(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert low <= on_grid(low) <= max(low, 1) * GRID + 1
    assert on_grid(low) <= on_grid(high)
