"""The world: repeatable, independent of earlier requests, and unlimited in time."""

import statistics
import time
from datetime import UTC, datetime, timedelta

import pytest

from simulator import World
from simulator.content import Broadcast
from simulator.tests.conftest import NOW


def ids(videos):
    return [video.video_id for video in videos]


def test_it_works():
    world = World(seed=7, started_at=NOW)
    later = NOW + timedelta(days=2)
    assert ids(world.search("python", later)) == ids(World(seed=7, started_at=NOW).search("python", later))
    assert ids(world.search("python", later)) != ids(World(seed=8, started_at=NOW).search("python", later))


def test_it_does_not_depend_on_the_order_of_requests():
    one, other = World(seed=7, started_at=NOW), World(seed=7, started_at=NOW)
    for step in range(48):
        one.search("falcon", NOW + timedelta(minutes=30 * step))
    other.search("something else", NOW)
    end = NOW + timedelta(days=1)
    for topic in ("falcon", "python", "FALCON "):
        assert [video.content for video in one.search(topic, end)] == [
            video.content for video in other.search(topic, end)
        ]


@pytest.mark.parametrize("rhythm", [False, True])
@pytest.mark.parametrize("topic", ["python", "falcon"])
def test_it_publishes_at_the_given_rate(topic, rhythm):
    world = World(seed=7, rates={topic: 4.0}, rhythm=rhythm, started_at=NOW, index_delay=0)
    expected = 4 * 24 * 30
    # Four standard deviations of a Poisson distribution.
    assert len(world.search(topic, NOW)) == pytest.approx(expected, abs=4 * expected**0.5)


def test_it_gives_topics_different_rates():
    rates = [World(seed=7, rate=2.0).rate(f"topic {number}") for number in range(200)]
    assert 1 < statistics.median(rates) < 4
    assert max(rates) > 8 * min(rates)


def test_it_publishes_less_at_night():
    world = World(seed=7, rates={"falcon": 20}, rhythm=True, started_at=NOW, index_delay=0)
    hours = [datetime.fromtimestamp(video.published_at, UTC).hour for video in world.search("falcon", NOW)]
    assert sum(2 <= hour < 7 for hour in hours) < sum(14 <= hour < 19 for hour in hours) / 2


def test_it_shows_videos_late():
    world = World(seed=7, rates={"falcon": 60}, started_at=NOW)
    videos = world.search("falcon", NOW, unindexed=True)
    delays = [video.indexed_at - video.published_at for video in videos]
    assert min(delays) >= 60
    assert 3600 < max(delays) <= 5400
    shown = world.search("falcon", NOW)
    assert 0 < len(shown) < len(videos)
    assert all(video.indexed_at <= NOW.timestamp() for video in shown)


def test_it_finds_a_video_by_its_id_after_a_restart():
    world = World(seed=7, started_at=NOW)
    video = world.search("falcon", NOW)[100]
    again = World(seed=7, started_at=NOW, topics=world.topics)
    assert again.video(video.video_id, NOW).content == video.content
    assert World(seed=7, started_at=NOW).video(video.video_id, NOW) is None
    assert again.video(video.video_id, NOW - timedelta(days=31)) is None


@pytest.mark.parametrize("video_id", ["AAAAAAAAAAA", "", "short", "ünmöglich!!", "-----------"])
def test_it_does_not_find_unknown_ids(video_id):
    assert World(seed=7).video(video_id, NOW) is None


def test_its_ids_look_like_youtubes():
    world = World(seed=7, rates={"falcon": 20}, started_at=NOW)
    found = ids(world.search("falcon", NOW))
    assert len(set(found)) == len(found)
    assert {len(video_id) for video_id in found} == {11}
    assert {video_id[0] for video_id in found} > {"-", "_"}


def test_it_publishes_a_given_video():
    world = World(seed=7, rate=0, started_at=NOW)
    world.publish("falcon", published_at=NOW, video_id="-abcdefghi_", title="A kestrel, not", description="x")
    assert world.search("falcon", NOW) == []
    assert ids(world.search("kestrel", NOW)) == ["-abcdefghi_"]
    assert world.search("kestrel", NOW - timedelta(seconds=1)) == []
    late = world.publish("falcon", published_at=NOW, indexed_at=NOW + timedelta(hours=3))
    assert world.video(late.video_id, NOW) is late
    assert world.search("falcon", NOW) == []
    assert world.search("falcon", NOW + timedelta(hours=3)) == [late]


@pytest.mark.parametrize(
    ("given", "message"),
    [({"video_id": "short"}, "has 11"), ({"title": "x" * 101}, "has at most"), ({"title": "<"}, "cannot contain")],
)
def test_it_refuses_invalid_videos(given, message):
    with pytest.raises(ValueError, match=message):
        World(seed=7).publish("falcon", published_at=NOW, **given)


def test_it_refuses_an_id_twice():
    world = World(seed=7, started_at=NOW)
    taken = world.search("python", NOW)[0].video_id
    with pytest.raises(ValueError, match="already"):
        world.publish("falcon", published_at=NOW, video_id=taken)


def test_it_deletes():
    world = World(seed=7, started_at=NOW)
    first, second = world.search("python", NOW)[:2]
    world.delete(first.video_id)
    assert world.search("python", NOW)[0] is second
    assert world.video(first.video_id, NOW) is None


def test_it_broadcasts():
    world = World(seed=7, rate=0, started_at=NOW)
    video = world.publish("falcon", published_at=NOW, broadcast=Broadcast(3600, 3660, 7200))
    began = int(NOW.timestamp())
    assert [video.live(began + after) for after in (0, 3660, 7200)] == ["upcoming", "live", "none"]


def test_views_grow():
    video = World(seed=7, started_at=NOW).search("python", NOW)[0]
    views = [video.views(video.published_at + days * 86_400) for days in range(30)]
    assert views == sorted(views)
    assert views[0] == 0 < views[-1]


def test_it_is_fast_enough_for_whole_days():
    world = World(seed=7, rates={"falcon": 500}, started_at=NOW)
    began = time.perf_counter()
    for minute in range(0, 24 * 60, 15):
        world.find("falcon", int((NOW + timedelta(minutes=minute)).timestamp()))
    # About 0.1 s here; the limit allows for slower machines.
    assert time.perf_counter() - began < 2
