"""Calls to a YouTube that refuses, limits and fails."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from apps.incidents.models import Incident
from apps.quota import keys, ledger
from apps.quota.errors import KeysCoolingDown, NoKeyAvailable, NoUsableKey, QuotaExhausted
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey, QuotaSpend
from apps.quota.tests.conftest import COOLDOWN, NOW, UseKeys, used
from apps.quota.youtube import YouTube
from core import youtube_api
from core.errors import BadQuery, BucketExhausted, KeyCoolingDown, ProjectSuspended, SourceBlocked, SourceUnavailable
from core.youtube_api import SearchPage
from simulator import Clock, Project, Simulator, World

State = ApiKey.State
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

RESET = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def simulator(settings: Settings) -> Iterator[Simulator]:
    projects = [Project("birds", ["one", "spare"]), Project("cats", ["two"]), Project("dogs", ["three"])]
    clock = Clock(NOW, frozen=True)
    with Simulator(World(seed=7, started_at=NOW, index_delay=0), projects=projects, clock=clock) as running:
        settings.YOUTUBE_API_URL = running.youtube_url
        yield running


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each sleep, which is skipped."""
    sleeps: list[float] = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    return sleeps


def client(seconds: float = 60) -> YouTube:
    return YouTube(deadline=time.monotonic() + seconds)


def search(youtube: YouTube, purpose: Purpose = Purpose.MANUAL) -> int:
    """Search for a few videos and return how many were found."""
    return len(youtube.search("kestrel", purpose, published_after=NOW - timedelta(days=2)).videos)


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], list[str]]:
    """Let each search fail with an error; returns the list of the keys that were tried."""

    def fail_with(error: Exception) -> list[str]:
        tried: list[str] = []

        def search_videos(key: str, query: str, **parameters: Any) -> SearchPage:
            tried.append(key)
            raise error

        monkeypatch.setattr(youtube_api, "search_videos", search_videos)
        return tried

    return fail_with


def calls_by_project(simulator: Simulator) -> dict[str, int]:
    """Return how often each key was used."""
    return {key.key: key.requests for project in simulator.projects for key in project.keys}


def states() -> list[str]:
    return list(ApiKey.objects.order_by("position").values_list("state", flat=True))


def test_it_works(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "cats=two")
    youtube = client()
    assert search(youtube) > 0
    ids = [video.video_id for video in simulator.world.search("kestrel", NOW)[:50]]
    videos = youtube.list_videos(ids)
    assert len(videos) == len(ids)
    assert (youtube.searches, youtube.units) == (1, 1)
    assert (used("birds"), used("birds", "general"), used("cats")) == (1, 1, 0)
    assert calls_by_project(simulator) == {"one": 1 + 1, "spare": 0, "two": 0, "three": 0}


def test_it_goes_on_to_the_third_key(simulator: Simulator, use_keys: UseKeys, caplog: pytest.LogCaptureFixture) -> None:
    use_keys("birds=one", "cats=two", "dogs=three")
    simulator.projects["birds"].limits["search"] = 0
    simulator.projects["cats"].keys[0].state = "invalid"
    youtube = client()
    with caplog.at_level(logging.INFO):
        assert search(youtube) > 0
    assert youtube.searches == 3, "each try is paid for"
    assert states() == [State.ACTIVE, State.REFUSED, State.ACTIVE]
    assert QuotaSpend.objects.get(project="birds", bucket="search").refused_at == NOW
    assert [record.getMessage() for record in caplog.records if record.name == "apps.quota.youtube"] == [
        "birds: The project has reached its daily search limit.",
        "cats: The key is invalid or has expired.",
    ]

    assert search(youtube) > 0
    assert calls_by_project(simulator) == {"one": 1, "spare": 0, "two": 1, "three": 2}, "the first two are left alone"


def test_it_does_not_use_another_key_of_an_exhausted_project(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "birds=spare", "dogs=three")
    simulator.projects["birds"].limits["search"] = 0
    assert search(client()) > 0
    assert calls_by_project(simulator) == {"one": 1, "spare": 0, "two": 0, "three": 1}
    simulator.projects["birds"].limits["search"] = 0
    ids = ["abcdefghijk"]
    client().list_videos(ids)
    assert calls_by_project(simulator)["one"] == 2, "its units are not used up"


def test_it_reserves_before_it_calls(simulator: Simulator, use_keys: UseKeys, settings: Settings) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 10, "birds": 2}
    use_keys("birds=one", "cats=two")
    for _ in range(2 + 9):
        search(client(), Purpose.SCHEDULE)
    assert calls_by_project(simulator) == {"one": 2, "spare": 0, "two": 9, "three": 0}
    with pytest.raises(NoKeyAvailable):
        search(client(), Purpose.SCHEDULE)
    assert search(client()) > 0, "the last one is kept for people"


def test_it_handles_a_suspended_project(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "birds=spare", "cats=two")
    simulator.projects["birds"].keys[0].state = "suspended"
    with pytest.raises(ProjectSuspended):
        search(client())
    assert states() == [State.SUSPENDED, State.SUSPENDED, State.ACTIVE]
    with pytest.raises(ProjectSuspended, match="removed from YT_KEYS"):
        search(client())
    assert calls_by_project(simulator) == {"one": 1, "spare": 0, "two": 0, "three": 0}


def test_it_handles_an_unknown_refusal(simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller) -> None:
    use_keys("birds=one", "cats=two")

    def refuse_one(key: str, query: str, **parameters: Any) -> SearchPage:
        if key == "one":
            raise KeyCoolingDown("YouTube refused this key (somethingNew).", 403)
        return search_videos(key, query, **parameters)

    search_videos = youtube_api.search_videos
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(youtube_api, "search_videos", refuse_one)
        assert search(client()) > 0
    row = ApiKey.objects.get(label="birds")
    assert (row.state, row.cooling_down_until) == (State.COOLING_DOWN, NOW + COOLDOWN)
    assert row.reason == "YouTube refused this key (somethingNew)."
    clock.shift(COOLDOWN)
    assert search(client()) > 0
    assert calls_by_project(simulator)["one"] == 1


def test_it_tries_three_times(simulator: Simulator, use_keys: UseKeys, sleeps: list[float]) -> None:
    use_keys("birds=one", "cats=two")
    simulator.faults.add("youtube", "status_503", 2)
    youtube = client()
    assert search(youtube) > 0
    assert (youtube.searches, used("birds"), calls_by_project(simulator)["one"]) == (3, 3, 3)
    assert calls_by_project(simulator)["two"] == 0, "another key would not help"
    first, second = sleeps
    assert 1 <= first < 2
    assert 2 <= second < 3


def test_it_gives_up_after_three_tries(simulator: Simulator, use_keys: UseKeys, sleeps: list[float]) -> None:
    use_keys("birds=one", "cats=two")
    simulator.faults.add("youtube", "reset", None)
    youtube = client()
    with pytest.raises(SourceUnavailable):
        search(youtube)
    assert (youtube.searches, used("birds"), len(sleeps)) == (3, 3, 2)
    assert states() == [State.ACTIVE, State.ACTIVE], "the keys are fine"


def test_it_does_not_try_again_after_the_deadline(simulator: Simulator, use_keys: UseKeys, sleeps: list[float]) -> None:
    use_keys("birds=one")
    simulator.faults.add("youtube", "status_503", 1)
    youtube = client(seconds=0.9)
    with pytest.raises(SourceUnavailable):
        search(youtube)
    assert (youtube.searches, sleeps) == (1, [])


def test_it_does_not_retry_without_quota(
    simulator: Simulator, use_keys: UseKeys, sleeps: list[float], settings: Settings
) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 1}
    use_keys("birds=one")
    simulator.faults.add("youtube", "status_503", 1)
    with pytest.raises(SourceUnavailable):
        search(client())
    assert (used("birds"), sleeps) == (1, [])


def test_a_retry_that_meets_the_limit_uses_the_next_key(
    simulator: Simulator, use_keys: UseKeys, sleeps: list[float]
) -> None:
    use_keys("birds=one", "cats=two")
    simulator.projects["birds"].limits["search"] = 1
    simulator.faults.add("youtube", "status_503", 1)
    youtube = client()
    assert search(youtube) > 0
    assert (youtube.searches, calls_by_project(simulator)["two"]) == (3, 1)


def test_errors_unrelated_to_keys_are_raised(use_keys: UseKeys, fail: Callable[[Exception], list[str]]) -> None:
    use_keys("birds=one", "cats=two")
    tried = fail(BadQuery("Bad.", 400))
    with pytest.raises(BadQuery):
        search(client())
    assert tried == ["one"]
    assert states() == [State.ACTIVE, State.ACTIVE]


def test_a_redirecting_youtube_cools_down_the_keys(use_keys: UseKeys, fail: Callable[[Exception], list[str]]) -> None:
    use_keys("birds=one")
    fail(SourceBlocked("Elsewhere.", 302))
    with pytest.raises(KeysCoolingDown, match="Elsewhere") as caught:
        search(client())
    assert caught.value.until == NOW + timedelta(minutes=15)
    assert used("birds") == 1
    assert not Incident.objects.filter(kind=Incident.Kind.KEY_REFUSED).exists(), "the key is not at fault"


@pytest.mark.parametrize("late", [-0.2, 0.2, 60])
def test_a_refusal_around_midnight_does_not_cost_the_new_day(
    simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller, late: float
) -> None:
    """The call may have been sent before midnight and refused after it, or YouTube's clock may be behind ours."""
    use_keys("birds=one")
    clock.move_to(RESET + timedelta(seconds=late))

    def refused_later(*args: Any, **parameters: Any) -> SearchPage:
        clock.shift(timedelta(seconds=1))
        raise BucketExhausted("The project has reached its daily search limit.", "search", 429)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(youtube_api, "search_videos", refused_later)
        with pytest.raises(NoKeyAvailable) as caught:
            search(client())
    assert caught.value.until is None or caught.value.until <= RESET + timedelta(days=1)
    clock.move_to(RESET + timedelta(minutes=10))
    assert search(client()) > 0


def no_key_available(simulator: Simulator) -> NoKeyAvailable:
    before = calls_by_project(simulator)
    with pytest.raises(NoKeyAvailable) as caught:
        search(client())
    assert calls_by_project(simulator) == before, "no call is made"
    return caught.value


def use_up(*projects: str) -> None:
    for project in projects:
        ledger.mark_exhausted(project, "search", timezone.now())


def test_without_keys_no_key_is_usable(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys()
    left = no_key_available(simulator)
    assert (type(left), left.until, "YT_KEYS" in str(left)) == (NoUsableKey, None, True)


def test_with_all_quota_used_it_waits_for_the_reset(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "cats=two")
    use_up("birds", "cats")
    left = no_key_available(simulator)
    assert (type(left), left.until, str(left)) == (QuotaExhausted, RESET, "Daily search limit reached.")


def test_with_all_keys_refused_it_waits_for_a_person(simulator: Simulator, use_keys: UseKeys) -> None:
    for key in use_keys("birds=one", "cats=two"):
        keys.refuse(key, "It has expired.")
    assert no_key_available(simulator).until is None


def test_with_one_refused_and_one_exhausted_it_waits_for_the_reset(simulator: Simulator, use_keys: UseKeys) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    keys.refuse(one, "It has expired.")
    use_up("cats")
    assert no_key_available(simulator).until == RESET


def test_with_one_cooling_down_and_one_exhausted_it_waits_for_the_cooldown(
    simulator: Simulator, use_keys: UseKeys
) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    keys.cool_down(one, "Unknown reason.", COOLDOWN)
    use_up("cats")
    assert no_key_available(simulator).until == NOW + COOLDOWN


def test_it_waits_no_longer_than_the_reset(
    simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller
) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    clock.move_to(RESET - timedelta(minutes=5))
    keys.cool_down(one, "Unknown reason.", COOLDOWN)
    use_up("cats")
    assert no_key_available(simulator).until == RESET


def test_a_cooldown_that_is_over_is_not_waited_for(
    simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller
) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    keys.cool_down(one, "Unknown reason.", COOLDOWN)
    clock.shift(timedelta(hours=1))
    use_up("birds", "cats")
    assert no_key_available(simulator).until == RESET


def test_a_key_cooling_down_in_an_exhausted_project_is_not_waited_for(simulator: Simulator, use_keys: UseKeys) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    keys.cool_down(one, "Unknown reason.", COOLDOWN)
    use_up("birds", "cats")
    assert no_key_available(simulator).until == RESET


def test_it_uses_a_key_after_its_cooldown(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one")
    ApiKey.objects.update(
        state=State.COOLING_DOWN, cooling_down_until=NOW - timedelta(seconds=1), reason="Unknown reason."
    )
    assert search(client()) > 0
    assert states() == [State.ACTIVE]


def test_it_makes_no_call_after_the_deadline(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one")
    with pytest.raises(SourceUnavailable, match="too long"):
        search(YouTube(deadline=time.monotonic() - 1))
    assert used("birds") == 0


def test_bare_keys_that_turn_out_to_share_a_project_share_its_quota(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("one", "spare", "two")
    youtube = client()
    for _ in range(3):
        search(youtube)
    simulator.projects["birds"].limits["search"] = 0
    search(youtube)

    one, spare, two = ApiKey.objects.order_by("position")
    assert one.project == spare.project == f"projects/{simulator.projects['birds'].number}"
    assert two.project.startswith("key-")
    # What both had used, and the two refusals, are in one row now.
    row = QuotaSpend.objects.get(project=one.project, bucket="search")
    assert (row.used, row.refused_at) == (5, NOW)
    assert {spend.project for spend in QuotaSpend.objects.all()} == {one.project, two.project}

    requested_before = calls_by_project(simulator)
    search(youtube)
    assert calls_by_project(simulator) == requested_before | {"two": requested_before["two"] + 1}


def test_a_bare_key_joins_the_project_a_person_named(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "spare", "two")
    simulator.projects["birds"].limits["search"] = 0
    search(client())
    assert [key.project for key in ApiKey.objects.order_by("position")][:2] == ["birds", "birds"]
    assert search(client()) > 0

    use_keys("birds=one", "spare", "two")
    assert [key.project for key in ApiKey.objects.order_by("position")][:2] == ["birds", "birds"]


def test_a_known_outage_costs_one_attempt_per_fetch(
    simulator: Simulator, use_keys: UseKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_keys("birds=one")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    simulator.faults.add("youtube", "status_503", times=None)
    for tries in (3, 4, 5):
        with pytest.raises(SourceUnavailable):
            search(client())
        assert used("birds") == tries
    assert Incident.objects.open().get().kind == Incident.Kind.YOUTUBE_UNAVAILABLE

    simulator.faults.clear()
    assert search(client()) > 0
    assert not Incident.objects.open().exists()


def test_an_outage_of_both_buckets_is_one_incident(
    simulator: Simulator, use_keys: UseKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_keys("birds=one")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    simulator.faults.add("youtube", "status_503", times=None)
    for call in (search, lambda youtube: youtube.list_videos(["aaaaaaaaaaa"]), search):
        with pytest.raises(SourceUnavailable):
            call(client())
    assert Incident.objects.count() == 1
    simulator.faults.clear()
    client().list_videos(["aaaaaaaaaaa"])
    assert search(client()) > 0
    assert not Incident.objects.open().exists()


def test_a_call_counts_for_the_project_that_another_worker_recorded(
    simulator: Simulator, use_keys: UseKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, bare = use_keys("birds=one", "spare")
    ApiKey.objects.filter(pk=named.pk).update(consumer="projects/1")
    looked_up = keys.usable()
    keys.refuse(named, "It has expired.")
    # After the keys were looked up, another worker learns that both belong to one project.
    keys.record_consumer(bare, "projects/1")
    monkeypatch.setattr(keys, "usable", lambda: looked_up[1:])
    assert search(client()) > 0
    assert (used(bare.project), used("birds")) == (0, 1)
