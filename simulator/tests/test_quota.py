"""Quota belongs to projects, is charged for every call, and resets at midnight in California."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator import Clock, Key, Project, Projects
from simulator.projects import quota_day_began
from simulator.tests.conftest import NOW


def test_it_works(search, get, sim):
    sim.projects["birds"].limits["search"] = 2
    for _ in range(2):
        assert search("python")["items"]
    status, body = search("python")
    assert status == 429
    (error,) = body["error"]["errors"]
    assert error["reason"] == "rateLimitExceeded"
    assert "per day" in error["message"]
    metadata = body["error"]["details"][0]["metadata"]
    assert metadata["quota_limit"] == "defaultSearchListPerDayPerProject"
    assert metadata["quota_limit_value"] == "2"
    # 2026-11-22 00:00 in Los Angeles, in winter.
    assert metadata["window_start_time"] == str(int(datetime(2026, 11, 22, 8, tzinfo=UTC).timestamp()))
    assert sim.projects.spent("birds", "search", NOW) == 3, "a refused call is charged, too"
    assert get("/youtube/v3/videos", part="id", id="x")["items"] == [], "the other bucket is not empty"


def test_it_refuses_other_calls_with_403(get, sim):
    sim.projects["birds"].limits["general"] = 1
    get("/youtube/v3/videos", part="id", id="x")
    status, body = get("/youtube/v3/channels", part="id", id="x")
    assert status == 403
    assert body["error"]["errors"][0]["reason"] == "quotaExceeded"
    assert "details" not in body["error"]


def test_it_charges_bad_requests(search, sim):
    assert search("python", maxResults=99)[0] == 400
    assert sim.projects.spent("birds", "search", NOW) == 1


def test_it_resets_at_midnight_in_california(search, sim):
    sim.projects["birds"].limits["search"] = 1
    search("python")
    sim.clock.set(datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC))
    assert search("python")[0] == 429
    sim.clock.advance(1)
    assert search("python")["items"]


@pytest.mark.parametrize(
    ("moment", "began"),
    [
        ("2026-07-01T06:59:59", "2026-06-30T07:00:00"),
        ("2026-07-01T07:00:00", "2026-07-01T07:00:00"),
        # The day the clocks go forward has 23 hours, the day they go back 25.
        ("2026-03-08T12:00:00", "2026-03-08T08:00:00"),
        ("2026-03-09T07:00:00", "2026-03-09T07:00:00"),
        ("2026-11-02T07:59:59", "2026-11-01T07:00:00"),
        ("2026-11-02T08:00:00", "2026-11-02T08:00:00"),
    ],
)
def test_a_quota_day_begins_at_midnight(moment, began):
    at, expected = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (moment, began))
    assert quota_day_began(at) == expected.timestamp()


def test_two_keys_of_a_project_share_its_quota():
    keys = [Key("one"), Key("two")]
    projects = Projects([Project("birds", keys, searches_per_day=1)])
    (first, _), (second, _) = projects.owner("one"), projects.owner("two")
    assert projects.spend(first, "search", NOW)
    assert not projects.spend(second, "search", NOW)
    assert [key.label for key in keys] == ["key-1", "key-2"]


def test_a_key_cannot_belong_to_two_projects():
    with pytest.raises(ValueError, match="already"):
        Projects([Project("a", ["key"]), Project("b", ["key"])])


def test_a_clock_freezes_and_thaws():
    clock = Clock(NOW, frozen=True)
    clock.advance(timedelta(hours=1))
    assert clock.now() == NOW + timedelta(hours=1)
    clock.thaw()
    assert not clock.frozen
    assert clock.now() >= NOW + timedelta(hours=1)
    with pytest.raises(ValueError, match="zone"):
        clock.set(datetime(2026, 1, 1))
