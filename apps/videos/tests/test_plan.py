"""The plan: how many searches each keyword gets, and what a new plan changes."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTasks

from apps.conftest import MovableTime
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys, ledger
from apps.quota.models import ApiKey, QuotaSpend
from apps.videos import tasks
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat, pauses, plan
from apps.videos.scheduling.allocation import DAY, GRID, on_grid
from apps.videos.scheduling.shares import SHORTEST_AUTOMATIC
from core.youtube_api import SearchPage
from simulator import Simulator

# In California.
MIDNIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)

# The limit for scheduled searches of a project with 100.
SEARCHES = 98


@pytest.fixture(autouse=True)
def searched_alone(settings: Any) -> None:
    """These are the shares of single keywords; test_sharing_plan.py has those of groups."""
    settings.SHARE_SEARCHES = False


@pytest.fixture(autouse=True)
def one_key(frozen_time: MovableTime, settings, db) -> None:
    frozen_time.move_to(MIDNIGHT)
    settings.YT_KEYS = [("a", "a-secret-key")]
    keys.sync()


def keywords(*rates: float, **given: object) -> list[KeyWordEntry]:
    """Return planned keywords with these rates that have just been fetched."""
    entries = [KeyWordEntry.objects.create(keyword=f"word {rate} {n}", **given) for n, rate in enumerate(rates)]
    for entry, rate in zip(entries, rates, strict=True):
        KeyWordEntry.objects.filter(pk=entry.pk).update(rate=rate, last_fetched_at=timezone.now())
    beat.sync()
    for entry in entries:
        entry.refresh_from_db()
        entry.next_due_at = timezone.now() + timedelta(seconds=entry.planned_interval)
        KeyWordEntry.objects.filter(pk=entry.pk).update(next_due_at=entry.next_due_at)
    return entries


def again(*entries: KeyWordEntry) -> None:
    beat.sync()
    for entry in entries:
        entry.refresh_from_db()


def later(*entries: KeyWordEntry) -> None:
    pauses.defer_until_reset()
    for entry in entries:
        entry.refresh_from_db()


def spend(searches: int) -> None:
    for _ in range(searches):
        assert ledger.reserve("a", "search", ledger.Purpose.MANUAL)


def planned_searches() -> float:
    return sum(DAY / entry.planned_interval for entry in KeyWordEntry.objects.scheduled())


def test_it_works() -> None:
    often, seldom, important = keywords(64, 4, 4)
    important.weight = 16
    important.save()
    again(often, seldom, important)
    assert often.planned_interval == important.planned_interval
    assert often.planned_interval == pytest.approx(seldom.planned_interval / 4, rel=GRID - 1)
    assert SEARCHES / GRID / GRID <= planned_searches() <= SEARCHES


def test_requested_intervals_come_first() -> None:
    requested, *others = keywords(1, 10, 10, 10)
    requested.interval = 3600
    requested.save()
    again(requested, *others)
    assert (requested.planned_interval, requested.stretched_by) == (3600, None)
    assert {entry.planned_interval for entry in others} == {on_grid(DAY * 3 / (SEARCHES - 24))}


def test_a_request_beyond_the_limit_is_stretched() -> None:
    greedy, other = keywords(10, 10)
    greedy.interval = 10
    greedy.save()
    again(greedy, other)
    assert greedy.stretched_by == "daily_limit"
    assert DAY / greedy.planned_interval == pytest.approx(SEARCHES * 3 / 4, rel=0.05)
    assert DAY / other.planned_interval == pytest.approx(SEARCHES / 4, rel=0.05)
    assert not other.below_daily_minimum


def test_more_keywords_than_searches_are_marked() -> None:
    entries = keywords(*[1] * 120)
    assert all(entry.below_daily_minimum for entry in entries)
    assert planned_searches() <= SEARCHES * GRID
    KeyWordEntry.objects.filter(pk__in=[entry.pk for entry in entries[60:]]).delete()
    again(*entries[:60])
    assert not any(entry.below_daily_minimum for entry in entries[:60])


def test_what_is_left_today_is_spent_until_the_reset(frozen_time: MovableTime) -> None:
    often, seldom = keywords(90, 10)
    frozen_time.move(hours=12)
    spend(45)
    again(often, seldom)
    assert planned_searches() == pytest.approx(2 * (98 - 45), rel=0.05)
    spend(35)
    again(often, seldom)
    assert planned_searches() == pytest.approx(2 * (98 - 80), rel=0.05)
    assert often.planned_interval == pytest.approx(seldom.planned_interval / 3, rel=0.06), "all slow down alike"
    assert not seldom.below_daily_minimum, "it is for today only"
    spend(20)
    again(often, seldom)
    assert planned_searches() == pytest.approx(SEARCHES, rel=0.05), "what comes after the reset"


def test_speedup_is_capped_late_in_the_day(frozen_time: MovableTime) -> None:
    (entry,) = keywords(10)
    frozen_time.move(hours=23)
    again(entry)
    assert planned_searches() == pytest.approx(plan.MAX_SPEEDUP * SEARCHES, rel=0.05)


def test_requested_intervals_are_stretched_last(frozen_time: MovableTime) -> None:
    requested, other = keywords(10, 10)
    requested.interval = 3600
    requested.save()
    again(requested, other)
    usual = DAY / (SEARCHES - 24)
    frozen_time.move(hours=12)
    for spent, speedup, requested_speedup in ((49, 1, 1), (22, 0.443, 0.885), (13, 0.23, 0.459)):
        spend(spent)
        again(requested, other)
        assert usual / other.planned_interval == pytest.approx(speedup, rel=0.06)
        assert 3600 / requested.planned_interval == pytest.approx(requested_speedup, rel=0.06)
        assert requested.stretched_by == ("daily_limit" if requested_speedup < 1 else None)


@pytest.mark.parametrize("left", [1, 2])
def test_the_last_searches_of_a_day_are_planned_too(frozen_time: MovableTime, left: int) -> None:
    entries = keywords(*[10] * 10)
    frozen_time.move(hours=23, minutes=50)
    spend(98 - left)
    again(*entries)
    assert planned_searches() == pytest.approx(144 * left, rel=0.05)


def test_a_day_of_25_hours_is_planned_to_its_end(frozen_time: MovableTime) -> None:
    frozen_time.move_to(datetime(2026, 11, 1, 7, tzinfo=UTC))
    assert plan.rate_until_reset(SEARCHES, timezone.now()) == pytest.approx(SEARCHES * 24 / 25)


def test_searches_are_reserved_for_gaps() -> None:
    entry, paused = keywords(10, 10)
    paused.state = KeyWordEntry.State.PAUSED
    paused.save()
    window = {"after": MIDNIGHT - timedelta(hours=3), "before": MIDNIGHT}
    paused.gaps.create(**window)
    entry.gaps.create(late=True, **window)
    assert plan.make_plan().allocation.shares[entry.pk].searches_per_day == pytest.approx(SEARCHES)
    entry.gaps.create(**window)
    assert plan.make_plan().allocation.shares[entry.pk].searches_per_day == pytest.approx(SEARCHES * 0.8)


def test_a_change_smaller_than_a_step_moves_nothing() -> None:
    entry, other = keywords(10, 10)
    before = (entry.planned_interval, entry.next_due_at)
    KeyWordEntry.objects.filter(pk=entry.pk).update(rate=10.8)
    again(entry, other)
    assert (entry.planned_interval, entry.next_due_at) == before


@pytest.mark.parametrize("elapsed", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("was", "becomes"), [(10, 1000), (1000, 10)])
def test_what_is_left_to_wait_shrinks_and_grows_with_the_interval(
    frozen_time: MovableTime, elapsed: float, was: float, becomes: float
) -> None:
    entry, *others = keywords(was, 100, 100)
    old = entry.planned_interval
    frozen_time.move(seconds=elapsed * old)
    KeyWordEntry.objects.filter(pk=entry.pk).update(rate=becomes)
    again(entry, *others)
    new = entry.planned_interval
    assert new != old
    left = (entry.next_due_at - timezone.now()).total_seconds()
    assert left == pytest.approx((1 - elapsed) * new, abs=2)
    assert left <= (1 - elapsed) * old + new


def test_a_due_keyword_stays_due(frozen_time: MovableTime) -> None:
    entry, *others = keywords(10, 100)
    frozen_time.move(days=2)
    due = entry.next_due_at
    KeyWordEntry.objects.filter(pk=entry.pk).update(rate=1000)
    again(entry, *others)
    assert entry.next_due_at == due


def test_keywords_added_together_spread_out(youtube: Simulator, frozen_time: MovableTime) -> None:
    entries = [KeyWordEntry.objects.create(keyword=f"word {number}") for number in range(8)]
    for entry in entries:
        fetch_keyword(entry, VideoLog.Trigger.FIRST)
        entry.refresh_from_db()
    parts = sorted((entry.next_due_at - timezone.now()).total_seconds() / entry.current_interval for entry in entries)
    assert parts[0] >= 0.05
    assert parts[-1] <= 1
    assert all(later - earlier > 0.02 for earlier, later in pairwise(parts))


def test_a_requested_interval_is_exact(youtube: Simulator) -> None:
    entry = KeyWordEntry.objects.create(keyword="word", interval=7200)
    fetch_keyword(entry, VideoLog.Trigger.FIRST)
    entry.refresh_from_db()
    beat.sync()
    entry.refresh_from_db()
    assert entry.next_due_at == timezone.now() + timedelta(seconds=7200)


def test_in_the_last_hour_keywords_without_a_search_wait_for_the_reset(frozen_time: MovableTime) -> None:
    entries = keywords(*[10] * 6)
    reset = MIDNIGHT + timedelta(days=1)
    frozen_time.move_to(reset - timedelta(minutes=50))
    spend(SEARCHES - 2)
    beat.sync()
    for number, entry in enumerate(entries):
        KeyWordEntry.objects.filter(pk=entry.pk).update(next_due_at=reset - timedelta(minutes=40 - 5 * number))
    later(*entries)
    assert [entry.next_due_at < reset for entry in entries] == [True, True, False, False, False, False]
    assert all(entry.next_due_at <= reset + timedelta(minutes=1) for entry in entries)
    later(*entries)
    assert all(entry.next_due_at <= reset + timedelta(minutes=1) for entry in entries)
    assert not Incident.objects.exists()


def test_with_invidious_no_keyword_waits_for_the_reset(frozen_time: MovableTime, settings) -> None:
    settings.INVIDIOUS_URL = "http://127.0.0.1:9"
    (entry,) = keywords(10)
    reset = MIDNIGHT + timedelta(days=1)
    spend(SEARCHES)
    frozen_time.move_to(reset - timedelta(minutes=50))
    beat.sync()
    KeyWordEntry.objects.update(next_due_at=reset - timedelta(minutes=30))
    later(entry)
    assert entry.next_due_at == reset - timedelta(minutes=30)


@pytest.mark.django_db(transaction=True)
def test_a_refused_key_leads_to_a_new_plan_by_a_task(settings, frozen_time: MovableTime) -> None:
    settings.YT_KEYS = [("a", "a-secret-key"), ("b", "b-secret-key")]
    keys.sync()
    (entry,) = keywords(10)
    assert entry.planned_interval == on_grid(DAY / (2 * SEARCHES))
    for change, searches in ((partial(keys.refuse, reason="It has expired."), 1), (keys.reactivate, 2)):
        frozen_time.move(seconds=10)
        change(ApiKey.objects.get(label="b"))
        assert PeriodicTasks.last_change() == timezone.now(), "a plan is requested"
        entry.refresh_from_db()
        assert entry.planned_interval != on_grid(DAY / (searches * SEARCHES)), "not inside the call"
        tasks.sync_schedules()
        entry.refresh_from_db()
        assert entry.planned_interval == on_grid(DAY / (searches * SEARCHES))


def test_the_shrinking_reserve_ends_no_pause(youtube: Simulator, frozen_time: MovableTime, sent: list) -> None:
    """A pause ends early for a new key or a higher limit, not for one more search every few hours."""
    frozen_time.move_to(MIDNIGHT + timedelta(hours=1))
    entry = KeyWordEntry.objects.create(keyword="word")
    for project in ("one", "two"):
        QuotaSpend.objects.create(project=project, day=MIDNIGHT.date(), bucket="search", used=90)
    KeyWordEntry.objects.update(last_fetched_at=timezone.now() - timedelta(days=1))
    entry.refresh_from_db()
    assert fetch_keyword(entry, VideoLog.Trigger.SCHEDULE).status == "waiting"
    frozen_time.move(hours=12)
    tasks.catch_up()
    assert Incident.objects.open().exists()
    assert fetch_keyword(entry, VideoLog.Trigger.SCHEDULE) is None


def test_a_plan_costs_the_same_for_many_keywords(django_assert_max_num_queries) -> None:
    keywords(*range(1, 40))
    with django_assert_max_num_queries(6):
        plan.make_plan()
    with django_assert_max_num_queries(18):
        beat.sync()


def test_keywords_that_are_late_together_spread_out(youtube: Simulator, frozen_time: MovableTime) -> None:
    entries = keywords(10, 10, 10)

    def fetch_all_after(**time: float) -> int:
        """Fetch, and return how many different moments of the next cycle the keywords have then."""
        frozen_time.move(**time)
        for entry in entries:
            fetch_keyword(entry, VideoLog.Trigger.MANUAL)
            entry.refresh_from_db()
        return len({entry.next_due_at - timedelta(seconds=entry.planned_interval) for entry in entries})

    assert fetch_all_after(minutes=1) == 1
    assert fetch_all_after(minutes=20) == 1
    assert fetch_all_after(hours=40) == 3
    KeyWordEntry.objects.update(next_due_at=timezone.now() + timedelta(minutes=1))
    assert fetch_all_after(minutes=1) == 1
    for entry in entries:
        VideoLog.objects.create(keyword=entry, status="waiting", waiting_until=timezone.now())
    assert fetch_all_after(minutes=1) == 3


def test_without_a_key_nothing_is_planned(settings) -> None:
    (entry,) = keywords(10)
    before = entry.planned_interval
    keys.refuse(ApiKey.objects.get(), "It has expired.")
    again(entry)
    assert plan.make_plan().allocation.shares == {}
    assert plan.cost_of_adding() is None
    assert entry.planned_interval == before


def test_the_cost_is_that_of_keywords_on_the_default_interval() -> None:
    weekly, *_ = keywords(10, 10, 10)
    weekly.interval = 7 * 86_400
    weekly.save()
    cost = plan.cost_of_adding()
    assert cost is not None
    assert cost.others == 1
    assert cost.before == pytest.approx(DAY * 2 / (SEARCHES - 1 / 7), abs=1)
    assert cost.interval == pytest.approx(DAY * 3 / (SEARCHES - 1 / 7), abs=1)


def test_the_cost_is_that_of_the_present_intervals_also_if_their_sum_is_the_same(
    frozen_time: MovableTime,
) -> None:
    one, other, _ = keywords(10, 10, 10)
    KeyWordEntry.objects.filter(pk__in=[one.pk, other.pk]).update(interval=7200)
    before = plan.cost_of_adding()
    KeyWordEntry.objects.filter(pk=one.pk).update(interval=3600)
    KeyWordEntry.objects.filter(pk=other.pk).update(interval=10_800)
    frozen_time.move(seconds=plan.COST_SECONDS)
    after = plan.cost_of_adding()
    assert before is not None
    assert after is not None
    assert before.before == pytest.approx(DAY / (SEARCHES - 24), abs=1)
    assert after.before == pytest.approx(DAY / (SEARCHES - 32), abs=1)


def test_the_cost_of_one_more_goes_by_the_common_interval(settings) -> None:
    settings.FETCH_INTERVAL = 7200
    keywords(10, 10)
    cost = plan.cost_of_adding()
    assert cost is not None
    assert (cost.interval, cost.before) == (7200, 7200)


def test_no_interval_is_shorter_than_a_minute(settings) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 1_000_000}
    (entry,) = keywords(10)
    assert entry.planned_interval == SHORTEST_AUTOMATIC


def test_first_fetches_are_never_deferred(frozen_time: MovableTime) -> None:
    frozen_time.move(hours=23, minutes=30)
    spend(SEARCHES)
    new = KeyWordEntry.objects.create(keyword="new")
    later(new)
    assert new.is_due()


def test_an_interval_is_kept_until_the_plan_is_a_step_away() -> None:
    entry, other = keywords(10, 10)
    target = DAY * 2 / SEARCHES
    for stray, stays in ((1.04, True), (0.96, True), (1.06, False), (0.94, False)):
        odd = round(target * stray)
        KeyWordEntry.objects.filter(pk=entry.pk).update(planned_interval=odd)
        again(entry, other)
        assert (entry.planned_interval == odd) == stays


def test_a_longer_request_moves_the_next_fetch_later(frozen_time: MovableTime) -> None:
    (entry,) = keywords(10, interval=3600)
    frozen_time.move(minutes=30)
    entry.interval = 7200
    entry.save()
    again(entry)
    assert entry.next_due_at == timezone.now() + timedelta(hours=1)


def test_without_a_key_no_keyword_is_deferred(frozen_time: MovableTime) -> None:
    (entry,) = keywords(10)
    frozen_time.move(hours=23, minutes=30)
    due = timezone.now() + timedelta(minutes=5)
    KeyWordEntry.objects.update(next_due_at=due)
    keys.refuse(ApiKey.objects.get(), "It has expired.")
    later(entry)
    assert entry.next_due_at == due


def test_a_plan_that_changes_during_a_fetch_counts(youtube: Simulator) -> None:
    (entry,) = keywords(10)
    KeyWordEntry.objects.update(next_due_at=timezone.now())
    entry.refresh_from_db()

    def replan(*args: object, **kwargs: object) -> SearchPage:
        KeyWordEntry.objects.update(planned_interval=4321)
        return SearchPage(videos=(), more=False, next_page_token=None)

    with patch("core.youtube_api.search_videos", autospec=True, side_effect=replan):
        fetch_keyword(entry, VideoLog.Trigger.SCHEDULE)
    entry.refresh_from_db()
    assert entry.next_due_at == timezone.now() + timedelta(seconds=4321)


def test_a_plan_that_changes_in_a_pause_delays_no_keyword_after_it(frozen_time: MovableTime) -> None:
    """A keyword due after the reset because of its interval was not postponed."""
    (entry,) = keywords(10, interval=5 * 86_400)
    frozen_time.move(hours=10)
    reset = MIDNIGHT + timedelta(days=1)
    incidents.open(Incident.Kind.SEARCHES_USED_UP, "All searches are used.", until=reset)
    spend(100)
    entry.interval = 3600
    entry.save()
    again(entry)
    frozen_time.move_to(reset + timedelta(minutes=10))
    again(entry)
    assert entry.next_due_at <= timezone.now() + timedelta(hours=1)


def test_a_due_date_that_no_plan_explains_is_corrected(frozen_time: MovableTime) -> None:
    (entry,) = keywords(10)
    KeyWordEntry.objects.update(next_due_at=timezone.now() + timedelta(days=9))
    again(entry)
    assert entry.next_due_at == timezone.now() + timedelta(seconds=entry.planned_interval)
