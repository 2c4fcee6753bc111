"""Calls are reserved in the ledger before they are made."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from apps.quota import keys, ledger, report
from apps.quota.ledger import Purpose
from apps.quota.models import QuotaSpend
from apps.quota.tests.conftest import NOW, UseKeys, used
from core.errors import Bucket

# In California.
MIDNIGHT = datetime(2026, 11, 22, 8, tzinfo=UTC)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def reserve_all(purpose: Purpose, bucket: Bucket = "search", project: str = "birds") -> int:
    """Reserve until none is left; return how many calls were reserved."""
    count = 0
    while ledger.reserve(project, bucket, purpose):
        count += 1
    return count


def test_it_works() -> None:
    assert reserve_all(Purpose.MANUAL) == 100
    assert not ledger.reserve("birds", "search", Purpose.MANUAL)
    row = QuotaSpend.objects.get()
    assert (row.project, row.bucket, row.used, row.refused_at) == ("birds", "search", 100, None)
    assert str(row.day) == "2026-11-22"


@pytest.mark.parametrize(("hours", "kept"), [(0, 10), (6, 8), (12, 6), (23.9, 2)])
def test_manual_fetches_may_use_the_reserve(clock: time_machine.Traveller, hours: float, kept: int) -> None:
    clock.move_to(MIDNIGHT + timedelta(hours=hours))
    assert reserve_all(Purpose.SCHEDULE) == 100 - kept
    assert reserve_all(Purpose.MANUAL) == kept


def test_manual_searches_are_counted_once(clock: time_machine.Traveller) -> None:
    clock.move_to(MIDNIGHT)
    for _ in range(40):
        ledger.reserve("birds", "search", Purpose.MANUAL)
    assert reserve_all(Purpose.SCHEDULE) == 50


@pytest.mark.parametrize(
    ("hours", "calls", "scheduled"), [(0, 19, 90), (6, 44, 92), (12, 68, 94), (18, 93, 96), (23.9, 98, 98)]
)
def test_gaps_may_use_what_the_time_of_day_allows(
    clock: time_machine.Traveller, hours: float, calls: int, scheduled: int
) -> None:
    clock.move_to(MIDNIGHT + timedelta(hours=hours))
    assert reserve_all(Purpose.GAP) == calls
    assert reserve_all(Purpose.SCHEDULE) == scheduled - calls


def test_gaps_wait_if_more_was_used(clock: time_machine.Traveller) -> None:
    clock.move_to(MIDNIGHT + timedelta(hours=12))
    for _ in range(68):
        ledger.reserve("birds", "search", Purpose.SCHEDULE)
    assert reserve_all(Purpose.GAP) == 0


def test_schedules_are_planned_with_what_is_left(settings: Settings, use_keys: UseKeys) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 100, "cats": 1000}
    birds, _, cats = use_keys("birds=one", "birds=spare", "cats=three")
    assert report.scheduled_searches() == report.ScheduledSearches(98 + 980, 98 + 980, limit=1100, unused=1100)
    ledger.reserve("birds", "search", Purpose.SCHEDULE)
    ledger.reserve("cats", "search", Purpose.MANUAL)
    assert report.scheduled_searches().left == 97 + 979
    ledger.mark_exhausted("cats", "search", timezone.now())
    assert report.scheduled_searches() == report.ScheduledSearches(98 + 980, 97, limit=1100, unused=99)
    keys.refuse(cats, "It has expired.")
    keys.refuse(birds, "It has expired.")
    spare = report.scheduled_searches()
    assert spare == report.ScheduledSearches(per_day=98, left=97, limit=100, unused=99), "the spare key is there"
    assert (spare.used, spare.reserved, spare.used_up) == (1, 2, False)
    keys.suspend("birds", "Suspended.")
    assert report.scheduled_searches() == report.ScheduledSearches(0, 0, limit=0, unused=0)


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose != Purpose.REFRESH])
def test_units_are_for_all_alike(settings: Settings, purpose: Purpose) -> None:
    settings.YT_UNITS_PER_DAY = {"": 20}
    assert reserve_all(purpose, "general") == 20
    assert ledger.reserve("birds", "search", Purpose.MANUAL), "the other bucket is untouched"


def test_projects_have_limits_of_their_own(settings: Settings) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 5, "cats": 20, "closed": 0}
    assert reserve_all(Purpose.MANUAL) == 5
    assert reserve_all(Purpose.SCHEDULE, project="cats") == 18
    assert reserve_all(Purpose.MANUAL, project="closed") == 0


def test_the_shrinking_reserve_counts_as_left_until_the_rest_is_used(
    clock: time_machine.Traveller, use_keys: UseKeys
) -> None:
    use_keys("birds=one")
    clock.move_to(MIDNIGHT + timedelta(hours=6))
    assert reserve_all(Purpose.GAP) == 44
    assert report.scheduled_searches().left == 98 - 44
    assert reserve_all(Purpose.SCHEDULE) == 92 - 44
    searches = report.scheduled_searches()
    assert searches.left == 0, "as the ledger has it"
    assert (searches.used, searches.reserved, searches.used_up) == (92, 8, True)


def test_a_small_limit_has_no_reserve(settings: Settings) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 4}
    assert reserve_all(Purpose.SCHEDULE) == 4


def test_a_limit_may_be_lowered_below_what_is_used(settings: Settings) -> None:
    assert reserve_all(Purpose.MANUAL) == 100
    settings.YT_SEARCHES_PER_DAY = {"": 50}
    assert reserve_all(Purpose.MANUAL) == 0
    assert used("birds") == 100


def test_a_reported_limit_overrides_the_count() -> None:
    assert ledger.reserve("birds", "search", Purpose.MANUAL)
    ledger.mark_exhausted("birds", "search", timezone.now())
    assert reserve_all(Purpose.MANUAL) == 0
    assert QuotaSpend.objects.get().refused_at == NOW
    assert ledger.reserve("birds", "general", Purpose.MANUAL)
    assert ledger.reserve("cats", "search", Purpose.MANUAL)


def test_a_reported_limit_needs_no_count() -> None:
    ledger.mark_exhausted("birds", "search", timezone.now())
    assert reserve_all(Purpose.MANUAL) == 0
    assert used("birds") == 0


@pytest.mark.parametrize("refused", [True, False])
def test_a_new_day_begins_at_zero(clock: time_machine.Traveller, refused: bool) -> None:
    reserve_all(Purpose.MANUAL)
    if refused:
        ledger.mark_exhausted("birds", "search", timezone.now())
    clock.move_to(datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC))
    assert reserve_all(Purpose.MANUAL) == 0
    clock.move_to(datetime(2026, 11, 23, 8, tzinfo=UTC))
    assert reserve_all(Purpose.MANUAL) == 100
    assert sorted(QuotaSpend.objects.values_list("used", flat=True)) == [100, 100]


def test_has_quota_left_reserves_nothing(settings: Settings) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 10, "closed": 0}
    assert ledger.has_quota_left("birds", "search", Purpose.SCHEDULE)
    assert not ledger.has_quota_left("closed", "search", Purpose.MANUAL)
    assert not QuotaSpend.objects.exists()
    reserve_all(Purpose.SCHEDULE)
    assert not ledger.has_quota_left("birds", "search", Purpose.SCHEDULE)
    assert ledger.has_quota_left("birds", "search", Purpose.MANUAL)
    ledger.mark_exhausted("birds", "search", timezone.now())
    assert not ledger.has_quota_left("birds", "search", Purpose.MANUAL)
