"""Statistics: GET /api/stats/ of all videos, GET /api/keywords/<id>/stats/ of one keyword."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.conftest import NOW, MovableTime
from apps.quota.models import QuotaSpend
from apps.videos import statistics
from apps.videos.fetching import erasing, storing
from apps.videos.models import KeyWordEntry, Match, Video
from apps.videos.statistics import Delay
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.plans import assert_no_scan, recorded

pytestmark = pytest.mark.django_db

ALL = "/api/stats/"
TODAY = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def entry(frozen_time: MovableTime) -> KeyWordEntry:
    """A keyword that was added now."""
    return KeyWordEntry.objects.create(keyword="python")


def address_of(entry: KeyWordEntry) -> str:
    return f"/api/keywords/{entry.pk}/stats/"


def on(days: list[dict[str, Any]], day: date) -> dict[str, Any]:
    return next(row for row in days if row["day"] == str(day))


def test_it_works(client: Client, entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    other = KeyWordEntry.objects.create(keyword="other")
    frozen_time.move(hours=3)  # 23:00 UTC
    mine = {"channel_id": "UC-mine", "channel_title": "Mine"}
    store(entry, found_video("a", published_at=NOW + HOUR, **mine), found_video("b", published_at=NOW + 2 * HOUR))
    frozen_time.move(hours=2)
    store(
        other,
        found_video("a", published_at=NOW + HOUR, **mine),
        found_video("c", published_at=NOW + 2 * HOUR, **mine),
        method="invidious",
    )

    body = client.get(ALL).json()
    assert body["video_count"] == 3
    assert (len(body["days"]), body["days"][0]["day"], body["days"][-1]["day"]) == (30, "2026-10-23", "2026-11-21")
    assert body["days"][-2:] == [
        {"day": "2026-11-20", "published": 3, "found": 2},
        {"day": "2026-11-21", "published": 0, "found": 1},
    ]
    assert body["newest"] == {
        "videos": 3,
        "since": "2026-11-20T22:59:59.999999Z",  # those of one fetch are a microsecond apart
        "methods": {"youtube": 2, "invidious": 1},
        "channels": [
            {"channel_id": "UC-mine", "channel_title": "Mine", "videos": 2},
            {"channel_id": "UC0000000000000000000000", "channel_title": "A channel", "videos": 1},
        ],
        "delay": {
            "videos": 3,
            "median": 7200,
            "p95": 10800,
            "within_1h": 1 / 3,
            "within_6h": 1.0,
            "steps": [
                {"within": within, "videos": {3600: 1, 10800: 2}.get(within, 0)}
                for within in (300, 900, 1800, 3600, 10800, 21600, 86400, None)
            ],
        },
    }
    body = client.get(address_of(other)).json()
    assert body["video_count"] == 2
    assert on(body["days"], date(2026, 11, 21)) == {"day": "2026-11-21", "published": 0, "found": 2}
    assert body["newest"]["methods"] == {"youtube": 0, "invidious": 2}
    assert body["newest"]["delay"]["median"] == 3 * 3600, "when this keyword found it"


def test_without_videos(client: Client, entry: KeyWordEntry) -> None:
    nothing = {"videos": 0, "since": None, "methods": {"youtube": 0, "invidious": 0}, "channels": [], "delay": None}
    for address in (ALL, address_of(entry)):
        body = client.get(address).json()
        assert (body["video_count"], body["newest"]) == (0, nothing)
        assert {row["published"] + row["found"] for row in body["days"]} == {0}


def test_days_begin_and_end_in_utc(client: Client, entry: KeyWordEntry) -> None:
    first, instant = TODAY - timedelta(days=29), timedelta(microseconds=1)
    moments = [first - instant, first, first + timedelta(days=1) - instant, TODAY, TODAY + timedelta(days=1)]
    store(entry, *(found_video(published_at=moment) for moment in moments))
    for rows in (Match, Video):
        for row in rows.objects.all():
            rows.objects.filter(pk=row.pk).update(created_at=row.published_at)
    for address in (ALL, address_of(entry)):
        days = client.get(address).json()["days"]
        for what in ("published", "found"):
            assert [row[what] for row in days] == [2, *[0] * 28, 1]


def test_percentiles_and_shares_are_those_of_a_count(client: Client, entry: KeyWordEntry, frozen_time: Any) -> None:
    rng, added = random.Random(5), NOW
    frozen_time.move(days=2)
    # A third within an hour, a third at whole hours, where "within" matters.
    delays = [rng.choice([rng.randrange(3600), 3600 * rng.randrange(1, 9), rng.randrange(172_800)]) for _ in range(333)]
    moments = [added + timedelta(days=2, seconds=-delay) for delay in delays]
    store(entry, *(found_video(published_at=moment) for moment in moments))
    for address in (ALL, address_of(entry)):
        delay = client.get(address).json()["newest"]["delay"]
        assert delay["videos"] == 333
        for seconds, share in ((delay["median"], 0.5), (delay["p95"], 0.95)):
            assert sum(each <= seconds for each in delays) >= share * 333 > sum(each < seconds for each in delays)
        for name, hours in (("within_1h", 1), ("within_6h", 6)):
            assert delay[name] == sum(each <= hours * 3600 for each in delays) / 333
        below = 0
        for step in delay["steps"]:
            below += step["videos"]
            assert below == sum(each <= (step["within"] or 172_800) for each in delays)


@pytest.mark.parametrize(
    ("seconds", "median", "p95"), [([7.2], 8, 8), ([2, 1], 1, 2), ([3, 1, 2], 2, 3), (range(1, 101), 50, 95)]
)
def test_percentiles_of_few(seconds: list[float], median: int, p95: int) -> None:
    delay = Delay.of(seconds)
    assert (delay.median, delay.p95) == (median, p95)


def test_what_does_not_show_a_delay_is_left_out(client: Client, entry: KeyWordEntry, frozen_time: Any) -> None:
    frozen_time.move(hours=2)
    store(
        entry,
        found_video(published_at=NOW - timedelta(microseconds=1)),  # before the keyword was added
        found_video(published_at=NOW + HOUR, published_exact=False),
        found_video(published_at=NOW),
        found_video(published_at=NOW + 3 * HOUR),  # corrected afterwards
    )
    for address in (ALL, address_of(entry)):
        newest = client.get(address).json()["newest"]
        assert newest["videos"] == 4
        steps = newest["delay"].pop("steps")
        assert newest["delay"] == {"videos": 2, "median": 0, "p95": 7200, "within_1h": 0.5, "within_6h": 1.0}
        assert [step["videos"] for step in steps] == [1, 0, 0, 0, 1, 0, 0, 0]


def test_only_the_last_ones_found_are_looked_at(
    client: Client, entry: KeyWordEntry, frozen_time: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(statistics, "NEWEST", 3)
    for number in range(4):
        frozen_time.move(hours=1)
        # Published ever earlier: it is the discovery that counts.
        title = "New title" if number == 3 else "Old title"
        published = NOW + timedelta(minutes=30 - number)
        store(entry, found_video(published_at=published, channel_title=title))
    for address in (ALL, address_of(entry)):
        body = client.get(address).json()
        assert on(body["days"], TODAY.date()) == {"day": "2026-11-20", "published": 4, "found": 3}
        assert (body["newest"]["videos"], body["newest"]["since"]) == (3, "2026-11-20T22:00:00Z")
        assert [channel["channel_title"] for channel in body["newest"]["channels"]] == ["New title"]
        assert body["newest"]["delay"]["median"] == 2 * 3600 + 32 * 60


def test_what_changes_afterwards_shows_at_once(client: Client, entry: KeyWordEntry, frozen_time: Any) -> None:
    """A corrected date, a keyword that is erased: nothing is kept that could differ."""
    other = KeyWordEntry.objects.create(keyword="other")
    frozen_time.move(hours=2)
    estimate = found_video("a", published_at=NOW - timedelta(days=3), published_exact=False)
    store(entry, estimate, method="invidious")
    store(other, estimate, found_video("b", published_at=NOW))
    for address in (ALL, address_of(other)):
        before = client.get(address)
        assert client.get(address, headers={"If-None-Match": before["ETag"]}).status_code == 304

    storing.update([found_video("a", published_at=NOW + HOUR)])
    for address in (ALL, address_of(other)):
        days = client.get(address).json()["days"]
        assert on(days, TODAY.date())["published"] == 2
        assert on(days, TODAY.date() - timedelta(days=3))["published"] == 0
    after = client.get(address, headers={"If-None-Match": before["ETag"]})
    assert (after.status_code, after.json()["newest"]["delay"]["videos"]) == (200, 2)

    other.delete()
    assert client.get(address).status_code == 404
    erasing.erase(KeyWordEntry.including_deleted.get(pk=other.pk))
    body = client.get(ALL).json()
    assert (body["video_count"], on(body["days"], TODAY.date())["found"]) == (1, 1)


def test_searches_are_counted_by_days_in_california(client: Client, entry: KeyWordEntry) -> None:
    midnight = datetime(2026, 11, 20, 8, tzinfo=UTC)
    for age, searches in ((0, 1), (1, 2), (30 * 24 * 3600, 9)):
        created_at = midnight - timedelta(seconds=age)
        entry.logs.create(keyword_text="python", searches=searches, created_at=created_at)
    for back, project, used in ((0, "one", 7), (0, "two", 5), (29, "one", 3), (30, "one", 9)):
        QuotaSpend.objects.create(
            day=date(2026, 11, 20) - timedelta(days=back), project=project, bucket="search", used=used
        )
    for address, expected in ((ALL, [3, *[0] * 28, 12]), (address_of(entry), [*[0] * 28, 2, 1])):
        days = client.get(address).json()["searches"]
        assert (days[0]["day"], [row["searches"] for row in days]) == ("2026-10-22", expected)


def test_a_day_in_california_has_25_hours_when_its_clocks_are_set_back(
    client: Client, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    frozen_time.move_to(datetime(2026, 11, 3, 12, tzinfo=UTC))
    for moment, searches in (
        ("2026-11-01T06:59:59Z", 1),
        ("2026-11-01T07:00Z", 2),  # midnight, in summer time
        ("2026-11-02T07:59:59Z", 4),  # a second before midnight, in winter time
        ("2026-11-02T08:00Z", 8),
    ):
        entry.logs.create(keyword_text="python", searches=searches, created_at=datetime.fromisoformat(moment))
    days = client.get(address_of(entry)).json()["searches"]
    assert [on(days, date(2026, *day))["searches"] for day in ((10, 31), (11, 1), (11, 2), (11, 3))] == [1, 6, 8, 0]


def test_it_reads_few_rows_in_few_queries(client: Client, entry: KeyWordEntry) -> None:
    store(entry, found_video())
    entry.logs.create(keyword_text="python")
    for compute, number in ((statistics.of_all, 5), (lambda: statistics.of_keyword(entry), 4)):
        with recorded() as queries:
            compute()
        assert len(queries) == number
        assert_no_scan(queries)


@pytest.mark.parametrize("days", [7, 30, 90])
def test_the_period_is_chosen(client: Client, entry: KeyWordEntry, days: int) -> None:
    store(entry, *(found_video(published_at=TODAY - timedelta(days=back)) for back in (0, 6, 7, 29, 30, 89, 90)))
    for address in (ALL, address_of(entry)):
        body = client.get(address, {"days": str(days)}).json()
        assert (len(body["days"]), len(body["searches"])) == (days, days)
        assert body["days"][0]["day"] == str((TODAY - timedelta(days=days - 1)).date())
        assert sum(row["published"] for row in body["days"]) == {7: 2, 30: 4, 90: 6}[days]


@pytest.mark.parametrize("given", ["8", "0", "x", "", "-7"])
def test_another_period_is_refused(client: Client, entry: KeyWordEntry, given: str) -> None:
    for address in (ALL, address_of(entry)):
        problem = client.get(address, {"days": given})
        assert problem.status_code == 400
        assert list(problem.json()["errors"]) == ["days"]
    assert client.get("/api/keywords/", {"days": "7"}).status_code == 400, "only statistics have one"


def test_a_keyword_that_is_only_previewed_has_them_too(client: Client, entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.update(state=KeyWordEntry.State.PREVIEWED)
    assert client.get(address_of(entry)).status_code == 200
