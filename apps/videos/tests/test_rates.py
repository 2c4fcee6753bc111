"""Estimated new videos per day, from the videos found."""

from datetime import timedelta

import pytest

from apps.conftest import NOW, MovableTime
from apps.quota import keys
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import rates
from apps.videos.scheduling.rates import PRIOR_DAYS, measure
from apps.videos.tests.builders import found_video, store
from simulator import Clock, Project, Simulator, World

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def entry() -> KeyWordEntry:
    return KeyWordEntry.objects.create(keyword="falcon")


def found(entry: KeyWordEntry, *days_ago: float, **given: object) -> None:
    store(entry, *(found_video(published_at=NOW - ago * DAY, **given) for ago in days_ago))


def evenly(per_day: int, first: int, last: int) -> list[float]:
    """Return publication dates of so many videos per day, from `first` to `last` days ago."""
    return [last + (first - last) * number / (per_day * (first - last)) for number in range(per_day * (first - last))]


def test_it_works(entry: KeyWordEntry) -> None:
    found(entry, *evenly(20, first=14, last=0))
    assert measure(entry, NOW) == pytest.approx(20, rel=0.03)


def test_nothing_known_is_the_prior(entry: KeyWordEntry) -> None:
    assert measure(entry, NOW) == pytest.approx(KeyWordEntry.PRIOR_RATE) == entry.rate


def test_one_page_gives_a_rate(entry: KeyWordEntry) -> None:
    """Fifty videos within two hours: 600 per day, less the prior."""
    found(entry, *[number / 50 / 12 for number in range(50)])
    assert 300 < measure(entry, NOW) < 600


def test_the_rate_of_a_keyword_without_videos_stays_above_zero(entry: KeyWordEntry) -> None:
    found(entry, 400)
    assert 0 < measure(entry, NOW) < 0.2


def test_recent_days_count_more(entry: KeyWordEntry) -> None:
    found(entry, *evenly(10, first=14, last=1))
    before = measure(entry, NOW)
    found(entry, *evenly(80, first=1, last=0))
    assert before < 10
    assert 25 < measure(entry, NOW) < 80, "more than the average of 14 days, which is 15"


def test_of_very_many_the_newest_count(entry: KeyWordEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the cost of an estimate is bounded."""
    monkeypatch.setattr(rates, "MAX_COUNTED", 100)
    found(entry, *evenly(20, first=14, last=2), *evenly(120, first=2, last=0))
    assert measure(entry, NOW) == pytest.approx(120, rel=0.1)


def test_an_hour_without_a_search_is_no_hour_without_videos(entry: KeyWordEntry) -> None:
    found(entry, *evenly(20, first=14, last=3))
    assert measure(entry, NOW - 3 * DAY) == pytest.approx(20, rel=0.05)
    assert measure(entry, NOW) < 10


def test_estimates_do_not_count(entry: KeyWordEntry) -> None:
    found(entry, *evenly(20, first=14, last=0), published_exact=False)
    assert measure(entry, NOW) == pytest.approx(KeyWordEntry.PRIOR_RATE)


def test_what_is_to_come_does_not_count(entry: KeyWordEntry) -> None:
    found(entry, 1, -1, -2, -3)
    assert measure(entry, NOW) == pytest.approx(
        (KeyWordEntry.PRIOR_RATE * PRIOR_DAYS + 0.5) / (PRIOR_DAYS + 1), rel=0.01
    )


def test_other_keywords_videos_do_not_count(entry: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="kestrel")
    found(other, *evenly(50, first=10, last=0))
    assert measure(entry, NOW) == pytest.approx(KeyWordEntry.PRIOR_RATE)


def test_two_queries_whatever_was_found(entry: KeyWordEntry, django_assert_num_queries) -> None:
    found(entry, *evenly(20, first=14, last=0))
    with django_assert_num_queries(2):  # the oldest; how many since each day
        measure(entry, NOW)


@pytest.mark.days
@pytest.mark.parametrize("rate", [0.2, 2, 12])
def test_watching_finds_the_true_rate(
    frozen_time: MovableTime, clock: Clock, settings, monkeypatch, rate: float
) -> None:
    """A keyword fetched every few hours for some days, with this many videos per hour."""

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    settings.YT_KEYS = [("one", "a-secret-key")]
    world = World(seed=3, rates={"falcon": rate}, started_at=NOW, rhythm=True)
    with Simulator(world, projects=[Project("one", ["a-secret-key"])], clock=clock) as simulator:
        settings.YOUTUBE_API_URL = simulator.youtube_url
        keys.sync()
        entry = KeyWordEntry.objects.create(keyword="falcon")
        for hours in range(0, 72, 3):
            frozen_time.move_to(NOW + timedelta(hours=hours))
            fetch_keyword(entry, VideoLog.Trigger.MANUAL)
    entry.refresh_from_db()
    assert entry.rate == pytest.approx(24 * rate, rel=0.35)


def test_the_rate_falls_if_nothing_is_found(entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.update(created_at=NOW - 10 * DAY)
    entry.refresh_from_db()
    assert measure(entry, NOW) < 0.5
