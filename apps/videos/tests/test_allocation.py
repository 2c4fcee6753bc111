"""The day's searches are divided by the square-root law and its bounds."""

import math
from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.videos.scheduling.allocation import DAY, GRID, VIDEOS_PER_SEARCH, Search, Share, allocate, is_step, on_grid

rates = st.floats(0.01, 5_000)
weights = st.integers(1, 100)
requested = st.integers(1, 30 * 86_400)
totals = st.floats(0.5, 20_000)

automatic = st.builds(Search, id=st.just(0), rate=rates, weight=weights)
any_search = st.builds(Search, id=st.just(0), rate=rates, weight=weights, requested_interval=st.none() | requested)


def numbered(searches: Collection[Search]) -> list[Search]:
    return [replace(search, id=number) for number, search in enumerate(searches)]


some_automatic = st.lists(automatic, min_size=1, max_size=40).map(numbered)
some_searches = st.lists(any_search, min_size=1, max_size=40).map(numbered)


def searches_per_day(searches: Collection[Search], allocation: float) -> list[float]:
    """Return the searches per day of each, in order."""
    shares = allocate(searches, allocation)
    return [shares[search.id].searches_per_day for search in searches]


def bounds(searches: Collection[Search]) -> list[float]:
    return [max(1, search.rate / VIDEOS_PER_SEARCH) for search in searches]


def weighted_delay(searches: Collection[Search], plan: Collection[float]) -> float:
    """Return the weighted sum, over all videos of a day, of the average delay in days."""
    return sum(s.weight * s.rate / (2 * n) for s, n in zip(searches, plan, strict=True))


def test_it_works() -> None:
    searches = [
        Search(1, rate=16),
        Search(2, rate=4),
        Search(3, rate=1, weight=4),
        Search(4, rate=9, requested_interval=86_400),
    ]
    shares = allocate(searches, searches_per_day=81)
    assert shares[4] == Share(1.0, granted=True)
    assert [shares[id].searches_per_day for id in (1, 2, 3)] == pytest.approx([40, 20, 20])
    assert shares[1].interval == pytest.approx(DAY / 40)


def test_a_page_suffices_between_two_searches() -> None:
    plan = searches_per_day([Search(1, rate=1500), Search(2, rate=10), Search(3, rate=10)], 90)
    assert plan[0] == pytest.approx(1500 / VIDEOS_PER_SEARCH * (74 / 50), rel=0.2)
    plan = searches_per_day([Search(1, rate=2400), Search(2, rate=240), Search(3, rate=10, weight=100)], 98)
    assert plan[0] == pytest.approx(2400 / VIDEOS_PER_SEARCH)
    assert sum(plan) == pytest.approx(98)


def test_each_keyword_is_searched_once_a_day() -> None:
    plan = searches_per_day([Search(1, rate=1000), Search(2, rate=0.01)], 40)
    assert plan == pytest.approx([39, 1])


def test_bounds_above_the_total_become_upper_bounds() -> None:
    assert searches_per_day([Search(1, rate=9000), Search(2, rate=1000)], 60) == pytest.approx([45, 15])
    quiet = [Search(number, rate=1) for number in range(2, 12)]
    assert searches_per_day([Search(1, rate=10_000), *quiet], 98) == pytest.approx([98 / 1.1, *[9.8 / 11] * 10])


def test_it_marks_searches_below_the_daily_minimum() -> None:
    shares = allocate([Search(number, rate=1) for number in range(200)], 90)
    assert {share.below_daily_minimum for share in shares.values()} == {True}
    assert {round(share.searches_per_day, 6) for share in shares.values()} == {0.45}
    requested = allocate([Search(1, rate=1, requested_interval=7 * 86_400)], 90)
    assert not requested[1].below_daily_minimum, "it was requested"


def test_a_request_is_granted_if_searches_suffice() -> None:
    shares = allocate([Search(1, rate=1, requested_interval=3600), *(Search(id, rate=30) for id in range(2, 6))], 90)
    assert shares[1] == Share(24.0, granted=True)
    assert [shares[id].searches_per_day for id in range(2, 6)] == pytest.approx([66 / 4] * 4)


def test_a_request_leaves_the_others_half_an_even_share() -> None:
    shares = allocate([Search(1, rate=1, requested_interval=10), *(Search(id, rate=30) for id in range(2, 6))], 90)
    assert shares[1] == Share(90 - 36)
    assert [shares[id].searches_per_day for id in range(2, 6)] == pytest.approx([36 / 4] * 4)


def test_a_request_leaves_the_others_their_bounds() -> None:
    shares = allocate([Search(1, rate=1, requested_interval=10), Search(2, rate=1200)], 90)
    assert shares[1].searches_per_day == pytest.approx(50)
    shares = allocate([Search(1, rate=1, requested_interval=10), Search(2, rate=12_000)], 90)
    assert shares[1].searches_per_day == pytest.approx(45), "an even share is each keyword's"


def test_a_very_short_request_does_not_stretch_the_others() -> None:
    searches = [
        Search(1, rate=1, requested_interval=10),
        Search(2, rate=1, requested_interval=3600),
        Search(3, rate=1, requested_interval=7 * 86_400),
    ]
    shares = allocate([*searches, Search(4, rate=30), Search(5, rate=30)], 90)
    assert shares[2] == Share(24, granted=True)
    assert shares[3] == Share(1 / 7, granted=True)
    assert shares[1].searches_per_day == pytest.approx(90 - 18 - 24 - 1 / 7)


def test_invalid_rates_are_refused() -> None:
    assert allocate([], searches_per_day=90) == {}


@pytest.mark.parametrize("searches", [0, -1])
def test_no_searches_is_an_error(searches: int) -> None:
    with pytest.raises(ValueError, match="no searches"):
        allocate([Search(1, rate=1)], searches)


@pytest.mark.parametrize("search", [Search(1, rate=0), Search(1, rate=1, weight=0)])
def test_it_refuses_a_search_that_is_worth_nothing(search: Search) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        allocate([search], 90)


def test_a_thousand_searches_share_a_few_schedules() -> None:
    shares = allocate([Search(number, rate=1 + number % 300) for number in range(1000)], 5000)
    intervals = {on_grid(share.interval) for share in shares.values()}
    assert len(intervals) < 60


@given(some_searches, totals)
def test_shares_never_exceed_the_total(searches: list[Search], allocation: float) -> None:
    plan = searches_per_day(searches, allocation)
    assert sum(plan) <= allocation * (1 + 1e-9)
    assert all(n > 0 for n in plan)


@given(some_automatic, totals)
def test_all_searches_are_allocated(searches: list[Search], allocation: float) -> None:
    assert sum(searches_per_day(searches, allocation)) >= allocation * (1 - 1e-6)


@given(some_searches, totals)
def test_requests_are_met_or_stretched_to_the_same_interval(searches: list[Search], allocation: float) -> None:
    shares = allocate(searches, allocation)
    stretched = set()
    for search in searches:
        if search.requested_interval is not None:
            share = shares[search.id]
            assert share.interval >= search.requested_interval * (1 - 1e-9)
            if share.granted:
                assert round(share.interval) == search.requested_interval
            else:
                stretched.add(share.searches_per_day)
    assert len(stretched) <= 1


@given(some_automatic, totals)
def test_bounds_are_the_least_where_they_fit_and_the_most_where_not(searches: list[Search], allocation: float) -> None:
    least = bounds(searches)
    fit = sum(least) <= allocation
    for bound, n in zip(least, searches_per_day(searches, allocation), strict=True):
        assert n >= bound * (1 - 1e-9) if fit else n <= bound * (1 + 1e-9)


@given(some_automatic, totals, st.integers(0, 39), st.integers(0, 39), st.floats(0.01, 0.9))
def test_no_other_plan_waits_less(searches: list[Search], allocation: float, one: int, other: int, part: float) -> None:
    """Moving a part of one share to another, within the bounds, improves nothing."""
    giver, taker = one % len(searches), other % len(searches)
    assume(giver != taker)
    plan, limits = searches_per_day(searches, allocation), bounds(searches)
    given = part * plan[giver]
    if sum(limits) <= allocation:
        given = min(given, plan[giver] - limits[giver])
    else:
        given = min(given, limits[taker] - plan[taker])
    assume(given > 0)
    changed = list(plan)
    changed[giver] -= given
    changed[taker] += given
    assert weighted_delay(searches, changed) >= weighted_delay(searches, plan) * (1 - 1e-6)


@given(some_searches, totals, st.integers(0, 39), st.floats(1, 100), st.sampled_from(["rate", "weight"]))
def test_more_videos_or_more_weight_never_mean_less(
    searches: list[Search], allocation: float, which: int, factor: float, what: str
) -> None:
    which %= len(searches)
    raised = list(searches)
    raised[which] = replace(searches[which], **{what: getattr(searches[which], what) * factor})
    before, after = searches_per_day(searches, allocation), searches_per_day(raised, allocation)
    assert after[which] >= before[which] * (1 - 1e-6)


@given(some_searches, totals, st.integers(0, 39), st.floats(1, 100))
def test_a_shorter_request_never_gets_less(
    searches: list[Search], allocation: float, which: int, factor: float
) -> None:
    which %= len(searches)
    assume(searches[which].requested_interval)
    raised = list(searches)
    raised[which] = replace(
        searches[which], requested_interval=max(1, round((searches[which].requested_interval or 0) / factor))
    )
    assert searches_per_day(raised, allocation)[which] >= searches_per_day(searches, allocation)[which] * (1 - 1e-6)


@given(some_automatic, totals, st.floats(1, 100))
def test_more_searches_never_mean_fewer_for_one(searches: list[Search], allocation: float, factor: float) -> None:
    before, after = searches_per_day(searches, allocation), searches_per_day(searches, allocation * factor)
    assert all(m >= n * (1 - 1e-6) for n, m in zip(before, after, strict=True))


@given(some_automatic, st.floats(0.001, 1000), st.floats(0.001, 1))
def test_only_proportions_count(searches: list[Search], scale: float, fewer: float) -> None:
    """Without bounds, shares depend only on the proportions of the rates, and scale with the total."""
    allocation = 0.9 * min(
        bound / math.sqrt(s.weight * s.rate) for s, bound in zip(searches, bounds(searches), strict=True)
    )
    allocation *= sum(math.sqrt(search.weight * search.rate) for search in searches)
    scaled = [replace(search, rate=search.rate * scale) for search in searches]
    plan = searches_per_day(searches, allocation)
    assert searches_per_day(searches, allocation * fewer) == pytest.approx([n * fewer for n in plan])
    assume(all(n <= bound for n, bound in zip(plan, bounds(scaled), strict=True)))
    assert searches_per_day(scaled, allocation) == pytest.approx(plan)


@given(some_searches, totals, st.floats(0, 0.05), st.randoms(use_true_random=False))
def test_tiny_changes_of_rate_change_little(
    searches: list[Search], allocation: float, tiny: float, random: object
) -> None:
    changed = [
        replace(search, rate=search.rate * math.exp(tiny * random.uniform(-1, 1)))  # type: ignore[attr-defined]
        for search in searches
    ]
    for n, m in zip(searches_per_day(searches, allocation), searches_per_day(changed, allocation), strict=True):
        assert abs(math.log(m / n)) <= 4 * tiny + 1e-6


@given(some_searches, totals, st.floats(0, 0.05))
def test_tiny_changes_of_the_total_change_little(searches: list[Search], allocation: float, tiny: float) -> None:
    for n, m in zip(
        searches_per_day(searches, allocation), searches_per_day(searches, allocation * math.exp(tiny)), strict=True
    ):
        assert abs(math.log(m / n)) <= 4 * tiny + 1e-6


@given(some_searches, totals, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(searches: list[Search], allocation: float, random: object) -> None:
    shuffled = list(searches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plan, again = allocate(searches, allocation), allocate(shuffled, allocation)
    for search in searches:
        assert plan[search.id].searches_per_day == pytest.approx(again[search.id].searches_per_day)


@given(st.floats(100, 3e9), st.floats(1, 1.5))
def test_the_grid_is_never_far(low: float, factor: float) -> None:
    high = low * factor
    assert abs(math.log(on_grid(low) / low)) <= math.log(GRID) / 2 + 0.01
    assert on_grid(low) <= on_grid(high)
    assert on_grid(0.001) == 1


def test_a_step_is_five_percent() -> None:
    grid = sorted({on_grid(seconds) for seconds in range(3600, 90_000, 50)})
    assert all(later / earlier == pytest.approx(GRID, rel=1e-3) for earlier, later in pairwise(grid))
    assert is_step(1000, 1051)
    assert is_step(1000, 950)
    assert not is_step(1000, 1049)
    assert not is_step(1000, 953)
