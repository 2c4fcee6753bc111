"""Calls spent on a YouTube that refuses, rests and fails."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings

from apps.quota import ledger
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey, QuotaSpend, Trouble
from apps.quota.spending import NothingLeft, Purse
from apps.quota.tests.conftest import NOW, REST, UseKeys, spent
from core.errors import BadQuery, BucketExhausted, KeyResting, ProjectSuspended, SourceAway, SourceBlocked
from core.youtube_api import list_videos, search_videos
from simulator import Clock, Project, Simulator, World

State = ApiKey.State
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

RESET = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    projects = [Project("birds", ["one", "spare"]), Project("cats", ["two"]), Project("dogs", ["three"])]
    clock = Clock(NOW, frozen=True)
    with Simulator(World(seed=7, started_at=NOW, index_delay=0), projects=projects, clock=clock) as running:
        yield running


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each pause would have been; no pause is made."""
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    return naps


def purse(seconds: float = 60) -> Purse:
    return Purse(deadline=time.monotonic() + seconds)


def search(simulator: Simulator, purse: Purse, purpose: Purpose = Purpose.PERSON, query: str = "kestrel") -> int:
    """Search for a few videos and return how many were found."""
    after = NOW - timedelta(days=2)
    page = purse.spend(
        "search",
        purpose,
        lambda key: search_videos(key, query, endpoint=simulator.youtube_url, published_after=after),
    )
    return len(page.videos)


def asked(simulator: Simulator) -> dict[str, int]:
    """Return how often each key was used."""
    return {key.key: key.requests for project in simulator.projects for key in project.keys}


def states() -> list[str]:
    return list(ApiKey.objects.order_by("position").values_list("state", flat=True))


def test_it_works(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "cats=two")
    mine = purse()
    assert search(simulator, mine) > 0
    ids = [video.video_id for video in simulator.world.search("kestrel", NOW)[:50]]
    videos = mine.spend("general", Purpose.SCHEDULE, lambda key: list_videos(key, ids, endpoint=simulator.youtube_url))
    assert len(videos) == len(ids)
    assert (mine.searches, mine.units) == (1, 1)
    assert (spent("birds"), spent("birds", "general"), spent("cats")) == (1, 1, 0)
    assert asked(simulator) == {"one": 1 + 1, "spare": 0, "two": 0, "three": 0}


def test_it_goes_on_to_the_third_key(simulator: Simulator, use_keys: UseKeys, caplog: pytest.LogCaptureFixture) -> None:
    use_keys("birds=one", "cats=two", "dogs=three")
    simulator.projects["birds"].limits["search"] = 0
    simulator.projects["cats"].keys[0].state = "invalid"
    mine = purse()
    with caplog.at_level(logging.INFO):
        assert search(simulator, mine) > 0
    assert mine.searches == 3, "each try is paid for"
    assert states() == [State.ACTIVE, State.REFUSED, State.ACTIVE]
    assert QuotaSpend.objects.get(project="birds", bucket="search").refused_at == NOW
    assert [record.getMessage() for record in caplog.records if record.name == "apps.quota.spending"] == [
        "birds: The project's searches for today are spent.",
        "cats: YouTube does not know this key, or it has expired.",
    ]

    assert search(simulator, mine) > 0
    assert asked(simulator) == {"one": 1, "spare": 0, "two": 1, "three": 2}, "the first two are left alone"


def test_it_does_not_ask_a_spent_project_by_its_other_key(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "birds=spare", "dogs=three")
    simulator.projects["birds"].limits["search"] = 0
    assert search(simulator, purse()) > 0
    assert asked(simulator) == {"one": 1, "spare": 0, "two": 0, "three": 1}
    simulator.projects["birds"].limits["search"] = 0
    ids = ["abcdefghijk"]
    purse().spend("general", Purpose.SCHEDULE, lambda key: list_videos(key, ids, endpoint=simulator.youtube_url))
    assert asked(simulator)["one"] == 2, "its units are not spent"


def test_it_counts_before_it_asks(simulator: Simulator, use_keys: UseKeys, settings: Settings) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 10, "birds": 2}
    use_keys("birds=one", "cats=two")
    for _ in range(2 + 9):
        search(simulator, purse(), Purpose.SCHEDULE)
    assert asked(simulator) == {"one": 2, "spare": 0, "two": 9, "three": 0}
    with pytest.raises(NothingLeft):
        search(simulator, purse(), Purpose.SCHEDULE)
    assert search(simulator, purse()) > 0, "the last one is kept for people"


def test_it_handles_a_suspended_project(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "birds=spare", "cats=two")
    simulator.projects["birds"].keys[0].state = "suspended"
    with pytest.raises(ProjectSuspended):
        search(simulator, purse())
    assert states() == [State.SUSPENDED, State.SUSPENDED, State.ACTIVE]
    with pytest.raises(ProjectSuspended, match="must leave YT_KEYS"):
        search(simulator, purse())
    assert asked(simulator) == {"one": 1, "spare": 0, "two": 0, "three": 0}


def test_it_handles_a_refusal_nobody_knows(
    simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller
) -> None:
    use_keys("birds=one", "cats=two")

    def call(key: str) -> str:
        if key == "one":
            raise KeyResting("YouTube refused this key (somethingNew).", 403)
        return key

    assert purse().spend("search", Purpose.PERSON, call) == "two"
    row = ApiKey.objects.get(label="birds")
    assert (row.state, row.resting_until) == (State.RESTING, NOW + REST)
    assert row.reason == "YouTube refused this key (somethingNew)."
    clock.shift(REST)
    assert search(simulator, purse()) > 0
    assert asked(simulator)["one"] == 1


def test_it_tries_three_times(simulator: Simulator, use_keys: UseKeys, naps: list[float]) -> None:
    use_keys("birds=one", "cats=two")
    simulator.faults.add("youtube", "status_503", 2)
    mine = purse()
    assert search(simulator, mine) > 0
    assert (mine.searches, spent("birds"), asked(simulator)["one"]) == (3, 3, 3)
    assert asked(simulator)["two"] == 0, "another key would not help"
    first, second = naps
    assert 1 <= first < 2
    assert 2 <= second < 3


def test_it_gives_up_after_three_tries(simulator: Simulator, use_keys: UseKeys, naps: list[float]) -> None:
    use_keys("birds=one", "cats=two")
    simulator.faults.add("youtube", "reset", None)
    mine = purse()
    with pytest.raises(SourceAway):
        search(simulator, mine)
    assert (mine.searches, spent("birds"), len(naps)) == (3, 3, 2)
    assert states() == [State.ACTIVE, State.ACTIVE], "the keys are fine"


def test_it_does_not_try_again_after_the_deadline(simulator: Simulator, use_keys: UseKeys, naps: list[float]) -> None:
    use_keys("birds=one")
    simulator.faults.add("youtube", "status_503", 1)
    mine = purse(seconds=0.9)
    with pytest.raises(SourceAway):
        search(simulator, mine)
    assert (mine.searches, naps) == (1, [])


def test_it_does_not_try_again_what_it_cannot_pay(
    simulator: Simulator, use_keys: UseKeys, naps: list[float], settings: Settings
) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 1}
    use_keys("birds=one")
    simulator.faults.add("youtube", "status_503", 1)
    with pytest.raises(SourceAway):
        search(simulator, purse())
    assert (spent("birds"), naps) == (1, [])


def test_a_try_that_meets_an_empty_bucket_goes_to_the_next_key(
    simulator: Simulator, use_keys: UseKeys, naps: list[float]
) -> None:
    use_keys("birds=one", "cats=two")
    simulator.projects["birds"].limits["search"] = 1
    simulator.faults.add("youtube", "status_503", 1)
    mine = purse()
    assert search(simulator, mine) > 0
    assert (mine.searches, asked(simulator)["two"]) == (3, 1)


def test_it_passes_on_what_no_key_can_help(use_keys: UseKeys) -> None:
    use_keys("birds=one", "cats=two")
    keys: list[str] = []

    def call(key: str) -> None:
        keys.append(key)
        raise BadQuery("Bad.", 400)

    with pytest.raises(BadQuery):
        purse().spend("search", Purpose.PERSON, call)
    assert keys == ["one"]
    assert states() == [State.ACTIVE, State.ACTIVE]


def test_a_youtube_that_sends_us_elsewhere_is_left_alone_for_a_while(use_keys: UseKeys) -> None:
    use_keys("birds=one")

    def call(key: str) -> None:
        raise SourceBlocked("Elsewhere.", 302)

    with pytest.raises(NothingLeft, match="Elsewhere") as caught:
        purse().spend("search", Purpose.PERSON, call)
    assert caught.value.until == NOW + timedelta(minutes=15)
    assert spent("birds") == 1
    assert not Trouble.objects.filter(kind=Trouble.Kind.KEY_REFUSED).exists(), "the key is innocent"


@pytest.mark.parametrize("late", [-0.2, 0.2, 60])
def test_a_refusal_around_midnight_does_not_cost_the_new_day(
    simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller, late: float
) -> None:
    """The call may have been sent before midnight and refused after it, or YouTube's clock may be behind ours."""
    use_keys("birds=one")
    clock.move_to(RESET + timedelta(seconds=late))

    def refused_later(key: str) -> None:
        clock.shift(timedelta(seconds=1))
        raise BucketExhausted("The project's searches for today are spent.", "search", 429)

    with pytest.raises(NothingLeft) as caught:
        purse().spend("search", Purpose.PERSON, refused_later)
    assert caught.value.until is None or caught.value.until <= RESET + timedelta(days=1)
    clock.move_to(RESET + timedelta(minutes=10))
    assert search(simulator, purse()) > 0


def nothing_left(simulator: Simulator, spend: Callable[[Simulator, Purse], int] = search) -> NothingLeft:
    before = asked(simulator)
    with pytest.raises(NothingLeft) as caught:
        spend(simulator, purse())
    assert asked(simulator) == before, "nobody is asked"
    return caught.value


def use_up(*projects: str) -> None:
    for project in projects:
        ledger.mark_empty(project, "search")


def test_without_keys_nothing_is_left(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys()
    left = nothing_left(simulator)
    assert (left.until, "YT_KEYS" in str(left)) == (None, True)


def test_with_all_spent_nothing_is_left_until_the_reset(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "cats=two")
    use_up("birds", "cats")
    left = nothing_left(simulator)
    assert (left.until, str(left)) == (RESET, "Today's searches are spent until 00:00 Pacific.")


def test_with_all_refused_nothing_is_left_before_a_person_acts(simulator: Simulator, use_keys: UseKeys) -> None:
    for key in use_keys("birds=one", "cats=two"):
        ledger.refuse(key, "It has expired.")
    assert nothing_left(simulator).until is None


def test_with_one_refused_and_one_spent_the_reset_helps(simulator: Simulator, use_keys: UseKeys) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    ledger.refuse(one, "It has expired.")
    use_up("cats")
    assert nothing_left(simulator).until == RESET


def test_with_one_resting_and_one_spent_the_end_of_the_rest_helps(simulator: Simulator, use_keys: UseKeys) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    ledger.rest(one, "Who knows.", REST)
    use_up("cats")
    assert nothing_left(simulator).until == NOW + REST


def test_a_rest_beyond_the_reset_ends_with_the_day(
    simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller
) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    clock.move_to(RESET - timedelta(minutes=5))
    ledger.rest(one, "Who knows.", REST)
    use_up("cats")
    assert nothing_left(simulator).until == RESET


def test_a_rest_that_is_over_is_no_moment_to_wait_for(
    simulator: Simulator, use_keys: UseKeys, clock: time_machine.Traveller
) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    ledger.rest(one, "Who knows.", REST)
    clock.shift(timedelta(hours=1))
    use_up("birds", "cats")
    assert nothing_left(simulator).until == RESET


def test_a_resting_key_of_a_spent_project_is_no_help(simulator: Simulator, use_keys: UseKeys) -> None:
    one, _ = use_keys("birds=one", "cats=two")
    ledger.rest(one, "Who knows.", REST)
    use_up("birds", "cats")
    assert nothing_left(simulator).until == RESET


def test_it_uses_a_rested_key_again(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one")
    ApiKey.objects.update(state=State.RESTING, resting_until=NOW - timedelta(seconds=1), reason="Nobody knows.")
    assert search(simulator, purse()) > 0
    assert states() == [State.ACTIVE]


def test_it_begins_nothing_after_the_deadline(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one")
    with pytest.raises(SourceAway, match="too long"):
        search(simulator, Purse(deadline=time.monotonic() - 1))
    assert spent("birds") == 0


def test_bare_keys_that_turn_out_to_share_a_project_share_its_quota(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("one", "spare", "two")
    mine = purse()
    for _ in range(3):
        search(simulator, mine)
    simulator.projects["birds"].limits["search"] = 0
    search(simulator, mine)

    one, spare, two = ApiKey.objects.order_by("position")
    assert one.project == spare.project == f"projects/{simulator.projects['birds'].number}"
    assert two.project.startswith("key-")
    # What both had spent, and the two refusals, now stand in one row.
    row = QuotaSpend.objects.get(project=one.project, bucket="search")
    assert (row.spent, row.refused_at) == (5, NOW)
    assert {spend.project for spend in QuotaSpend.objects.all()} == {one.project, two.project}

    asked_before = asked(simulator)
    search(simulator, mine)
    assert asked(simulator) == asked_before | {"two": asked_before["two"] + 1}


def test_a_bare_key_joins_the_project_a_person_named(simulator: Simulator, use_keys: UseKeys) -> None:
    use_keys("birds=one", "spare", "two")
    simulator.projects["birds"].limits["search"] = 0
    search(simulator, purse())
    assert [key.project for key in ApiKey.objects.order_by("position")][:2] == ["birds", "birds"]
    assert search(simulator, purse()) > 0

    use_keys("birds=one", "spare", "two")
    assert [key.project for key in ApiKey.objects.order_by("position")][:2] == ["birds", "birds"]


def test_an_outage_costs_one_try_a_fetch_once_it_is_known(
    simulator: Simulator, use_keys: UseKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_keys("birds=one")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    simulator.faults.add("youtube", "status_503", times=None)
    for tries in (3, 4, 5):
        with pytest.raises(SourceAway):
            search(simulator, purse())
        assert spent("birds") == tries
    assert Trouble.objects.open().get().kind == Trouble.Kind.YOUTUBE_AWAY

    simulator.faults.clear()
    assert search(simulator, purse()) > 0
    assert not Trouble.objects.open().exists()


def test_a_worker_under_way_counts_under_the_name_that_another_has_learned(
    simulator: Simulator, use_keys: UseKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, bare = use_keys("birds=one", "spare")
    ApiKey.objects.filter(pk=named.pk).update(consumer="projects/1")
    looked_up = ledger.usable_keys()
    ledger.refuse(named, "It has expired.")
    # Between the look at the keys and the call another worker learns that both are keys of one project.
    ledger.learn_consumer(bare, "projects/1")
    monkeypatch.setattr(ledger, "usable_keys", lambda: looked_up[1:])
    assert search(simulator, purse()) > 0
    assert (spent(bare.project), spent("birds")) == (0, 1)
