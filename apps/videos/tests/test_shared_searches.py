"""One search for several keywords: who takes part, what each gets, and what happens if it fails."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.quota import keys
from apps.videos.fetching import claims, completing, erasing, sharing
from apps.videos.fetching.completing import complete_stored
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, Match, SearchEvidence, SearchGroup, Video, VideoLog, VideoTotal
from apps.videos.scheduling import beat
from apps.videos.tests.builders import claim_of, videos_of
from apps.videos.tests.conftest import RealDatabase, assert_nothing_lost_or_doubled
from apps.videos.tests.fetches import MANUAL, SCHEDULE, fetched
from simulator import Clock, Project, Simulator, World

AUDIT, FIRST = VideoLog.Trigger.AUDIT, VideoLog.Trigger.FIRST
WORDS = ["kestrel", "falcon", "hobby"]
HOUR = timedelta(hours=1)


@pytest.fixture
def start(frozen_time: MovableTime, clock: Clock, settings: Any, db: None) -> Iterator[Callable[..., Simulator]]:
    """Start a YouTube, with the options of World, at which three keywords were searched for once; they are a group."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Simulator:
            world = World(seed=4, rates=dict.fromkeys(WORDS, 4.0), mentions=0, index_delay=0, started_at=NOW, **options)
            simulator = stack.enter_context(Simulator(world, projects=[Project("one", ["a-secret-key"])], clock=clock))
            settings.YOUTUBE_API_URL = simulator.youtube_url
            settings.YT_KEYS = [("one", "a-secret-key")]
            keys.sync()
            for word in WORDS:
                fetched(KeyWordEntry.objects.create(keyword=word), FIRST)
            beat.sync()
            frozen_time.move(hours=2)
            return simulator

        yield begin


def entries() -> list[KeyWordEntry]:
    return list(KeyWordEntry.objects.order_by("pk"))


def due() -> KeyWordEntry:
    """Let all be due, and return the first."""
    KeyWordEntry.objects.update(next_due_at=timezone.now())
    return entries()[0]


def searches(simulator: Simulator) -> int:
    return simulator.stats.requests("/youtube/v3/search")


def test_it_works(start: Callable[..., Simulator], frozen_time: MovableTime) -> None:
    youtube = start()
    assert len({entry.group_id for entry in entries()}) == 1
    before = searches(youtube)
    shown = {
        word: {video.video_id for video in youtube.world.search(word, timezone.now(), published_after=NOW)}
        for word in WORDS
    }

    log = fetch_keyword(due(), SCHEDULE)

    assert searches(youtube) == before + 1
    assert log is not None
    logs = list(log.with_shared().order_by("keyword_id"))
    assert [one.keyword_text for one in logs] == WORDS
    assert [(one.status, one.searches, one.shared_with) for one in logs] == [
        ("done", 1, None),
        ("done", 0, log),
        ("done", 0, log),
    ]
    for entry, one in zip(entries(), logs, strict=True):
        assert shown[entry.keyword] <= videos_of(entry), "each has found its own"
        assert not any(shown[word] & videos_of(entry) for word in WORDS if word != entry.keyword)
        assert one.number_added == len(shown[entry.keyword])
        assert entry.searched_through == entry.last_fetched_at == timezone.now()
        assert entry.claim_token == ""
    assert len({entry.next_due_at for entry in entries()}) == 1
    assert_nothing_lost_or_doubled()


def test_it_can_be_switched_off(start: Callable[..., Simulator], settings: Any) -> None:
    settings.SHARE_SEARCHES = False
    start()
    assert {entry.group_id for entry in entries()} == {None}
    settings.SHARE_SEARCHES = True
    beat.sync()
    assert SearchGroup.objects.count() == 1
    settings.SHARE_SEARCHES = False
    beat.sync()
    assert {(entry.group_id, entry.audit_due_at) for entry in entries()} == {(None, None)}


@pytest.mark.parametrize("trigger", [MANUAL, AUDIT])
def test_other_fetches_are_for_one_keyword(start: Callable[..., Simulator], trigger: VideoLog.Trigger) -> None:
    start()
    entry, other, _ = entries()
    KeyWordEntry.objects.update(audit_due_at=timezone.now())
    log = fetch_keyword(entry, trigger)
    assert log is not None
    assert log.sharing.count() == 0
    again = entries()[0]
    assert again.searched_through == timezone.now()
    assert again.next_due_at == entry.next_due_at, "the group is searched as it was planned"
    assert entries()[1].searched_through == other.searched_through


def test_who_cannot_take_part_is_left_out(start: Callable[..., Simulator]) -> None:
    start()
    _, paused, _ = entries()
    paused.change(state=KeyWordEntry.State.PAUSED)
    KeyWordEntry.objects.filter(keyword="hobby").update(searched_through=NOW - timedelta(days=1))
    log = fetch_keyword(due(), SCHEDULE)
    assert log is not None
    assert log.sharing.count() == 0, "one is paused, the other was not searched for a day"

    late = fetch_keyword(KeyWordEntry.objects.get(keyword="hobby"), SCHEDULE)
    assert late is not None
    assert late.sharing.count() == 0
    log = fetch_keyword(due(), SCHEDULE)
    assert log is not None
    assert [one.keyword_text for one in log.sharing.all()] == ["hobby"], "now it is as far as the other"


def test_a_keyword_that_is_deleted_meanwhile_drops_out(
    start: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    complete = completing.complete

    def delete(*args: Any) -> Any:
        KeyWordEntry.objects.get(keyword="falcon").delete()
        return complete(*args)

    monkeypatch.setattr(completing, "complete", delete)
    log = fetch_keyword(due(), SCHEDULE)
    assert log is not None
    assert [(one.keyword_text, one.status) for one in log.with_shared().order_by("keyword_id")] == [
        ("kestrel", "done"),
        ("falcon", "interrupted"),
        ("hobby", "done"),
    ]
    erasing.erase(KeyWordEntry.including_deleted.get(keyword="falcon"))
    assert_nothing_lost_or_doubled()


def test_a_killed_worker_leaves_no_keyword_behind(start: Callable[..., Simulator]) -> None:
    start()
    claim = sharing.claim(due(), SCHEDULE)
    assert claim is not None
    for entry in claim.entries:
        VideoLog.objects.create(keyword=entry, keyword_text=entry.keyword)
        assert claims.end(*claim_of(entry))
    assert set(VideoLog.objects.filter(status="interrupted").values_list("keyword_text", flat=True)) == set(WORDS)
    log = fetch_keyword(due(), SCHEDULE)
    assert log is not None
    assert log.with_shared().filter(status="done").count() == 3


def test_a_video_about_none_of_them_is_kept_apart(
    start: Callable[..., Simulator], frozen_time: MovableTime, client: Client
) -> None:
    """YouTube finds it by what it hears in it; later it finds it for a keyword alone."""
    youtube = start()
    youtube.world.publish("kestrel", video_id="heard-of-it", title="A bird", published_at=timezone.now(),
                          description="Nothing else. kestrel")  # fmt: skip
    total = VideoTotal.read()
    found = Video.objects.filter(pk="heard-of-it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apps.videos.fetching.attribution.about", lambda keywords, videos: {pk: set() for pk in keywords})
        fetch_keyword(due(), SCHEDULE)
    video = found.get()
    assert (video.keyword, video.is_hidden, video.matches.count()) == (None, True, 0)
    assert VideoTotal.read().count > total.count
    listed = client.get("/api/videos/", {"hidden": "unassigned"}).json()
    assert "heard-of-it" in [row["video_id"] for row in listed["results"]]
    assert listed["count"] == Video.objects.filter(keyword=None).count()
    assert "about none of the keywords" in client.get("/quota/").content.decode()

    frozen_time.move(minutes=5)
    fetch_keyword(entries()[0], MANUAL)
    video = found.get()
    assert (video.keyword, video.is_hidden) == (entries()[0], False)
    assert_kept_counts()


def test_who_a_video_is_about_is_decided_by_its_full_data(
    start: Callable[..., Simulator], frozen_time: MovableTime
) -> None:
    """A search cuts descriptions, so that what could not be completed is attributed later."""
    youtube = start()
    youtube.world.publish(
        "kestrel",
        video_id="a-long-text",
        title="A bird",
        description="word " * 60 + "\nkestrel",
        published_at=timezone.now(),
    )
    youtube.projects["one"].limits["general"] = 0
    fetch_keyword(due(), SCHEDULE)
    assert not Match.objects.filter(video="a-long-text").exists()
    youtube.projects["one"].limits["general"] = 10_000
    keys.sync()
    frozen_time.move(days=1)
    complete_stored()
    assert [match.keyword.keyword for match in Match.objects.filter(video="a-long-text")] == ["kestrel"]
    assert_kept_counts()


def assert_kept_counts() -> None:
    total = VideoTotal.read()
    assert (total.count, total.hidden_count) == (Video.objects.count(), Video.objects.exclude(hidden_at=None).count())
    for entry in entries():
        assert entry.video_count == entry.matches.count()


def test_a_refused_query_halves_the_group(start: Callable[..., Simulator]) -> None:
    youtube = start(or_limit=16)
    log = fetch_keyword(due(), SCHEDULE)
    assert log is not None
    assert {one.error_code for one in log.with_shared()} == {"bad_query"}
    assert [entry.refused_since for entry in entries()] == [None] * 3, "no keyword is to blame"
    sizes = sorted(group.keywords.count() for group in SearchGroup.objects.all())
    assert sizes == [0, 2]
    for entry in entries():
        fetch_keyword(entry, SCHEDULE)
    assert {entry.last_status for entry in entries()} == {"done"}

    beat.sync()
    assert {len("|".join(e.keyword for e in g.keywords.all())) <= 10 for g in SearchGroup.objects.all()} == {True}
    assert youtube.world.or_limit == 16


def test_invidious_searches_for_each_alone(start: Callable[..., Simulator], settings: Any) -> None:
    youtube = start()
    settings.INVIDIOUS_URL = youtube.invidious_url
    youtube.projects["one"].limits["search"] = 0
    log = fetch_keyword(due(), SCHEDULE)
    assert log is not None
    assert (log.status, log.method) == ("done", "invidious")
    assert {one.status for one in log.sharing.all()} == {"interrupted"}
    for entry in entries()[1:]:
        KeyWordEntry.objects.update(next_due_at=timezone.now())
        log = fetch_keyword(entry, SCHEDULE)
        assert log is not None
        assert (log.method, log.sharing.count()) == ("invidious", 0)


def test_an_audit_measures_what_the_group_delivered(start: Callable[..., Simulator], frozen_time: MovableTime) -> None:
    start(or_recall=0.5)
    for _ in range(6):
        frozen_time.move(minutes=20)
        fetch_keyword(due(), SCHEDULE)
    frozen_time.move(hours=2)
    fetch_keyword(due(), SCHEDULE)
    entry = entries()[0]
    delivered = videos_of(entry)
    KeyWordEntry.objects.update(audit_due_at=timezone.now())
    fetch_keyword(entry, AUDIT)

    evidence = SearchEvidence.objects.get(keyword=entry)
    through = SearchGroup.objects.get().searched_through - timedelta(minutes=90)
    old = Video.objects.filter(matches__keyword=entry, published_at__gt=NOW, published_at__lte=through)
    assert evidence.expected == len(old) > 4
    assert evidence.delivered == len([video for video in old if video.pk in delivered])
    assert evidence.delivered < evidence.expected
    assert (evidence.audited_at, evidence.counted_through) == (timezone.now(), through)

    KeyWordEntry.objects.update(audit_due_at=timezone.now())
    fetch_keyword(entries()[0], AUDIT)
    again = SearchEvidence.objects.get(keyword=entry)
    assert again.expected == evidence.expected, "each video counts once"


def test_a_search_that_shows_too_little_has_all_audited(
    start: Callable[..., Simulator], frozen_time: MovableTime
) -> None:
    start(or_recall=0)
    KeyWordEntry.objects.update(rate=200, audit_due_at=timezone.now() + timedelta(days=3))
    fetch_keyword(due(), SCHEDULE)
    assert {entry.audit_due_at for entry in entries()} == {timezone.now()}


def test_two_workers_search_once(database: RealDatabase) -> None:
    """Beat sends each keyword of a group at the same moment."""
    for _ in range(10):
        group = SearchGroup.objects.create()
        now = timezone.now()
        made = [
            KeyWordEntry.objects.create(keyword=f"{group.pk} {word}", next_due_at=now, searched_through=now)
            for word in ("a", "b", "c", "d")
        ]
        KeyWordEntry.objects.filter(pk__in=[entry.pk for entry in made]).update(group=group, next_due_at=now)
        for entry in made:
            entry.refresh_from_db()
        claimed = database.at_once(*[lambda entry=entry: sharing.claim(entry, SCHEDULE) for entry in made])
        (claim,) = [one for one in claimed if one]
        assert {entry.pk for entry in claim.entries} == {entry.pk for entry in made}


@pytest.mark.parametrize("recall", [1.0, 0.0])
def test_the_guard_step_by_step(
    start: Callable[..., Simulator], frozen_time: MovableTime, recall: float, client: Client
) -> None:
    """A group is searched for on trial; audits show what it delivers; then it is trusted, or its keywords are alone."""
    start(or_recall=recall)
    beat.sync()
    first = entries()[0]
    assert first.group
    trial = first.audit_interval
    for _ in range(24):
        frozen_time.move(minutes=30)
        fetch_keyword(due(), SCHEDULE)
    for entry in entries():
        assert videos_of(entry) if recall else not Match.objects.filter(shared=True).exists()
    frozen_time.move(hours=2)
    fetch_keyword(due(), SCHEDULE)

    KeyWordEntry.objects.update(audit_due_at=timezone.now())
    for entry in KeyWordEntry.objects.to_audit(timezone.now()):
        fetch_keyword(entry, AUDIT)
    evidence = [entry.evidence for entry in KeyWordEntry.objects.select_related("evidence")]
    assert all(one.expected > 10 and one.delivered == recall * one.expected for one in evidence)
    for entry in entries():
        assert entry.audit_due_at == timezone.now() + timedelta(seconds=entry.audit_interval or 0)

    beat.sync()
    after = entries()
    if recall:
        assert {entry.group_id for entry in after} == {first.group_id}
        assert all(entry.audit_interval > 5 * trial for entry in after), "now only a twentieth goes to audits"
        shown = client.get("/api/keywords/").json()["results"][0]
        assert shown["searched_with"] == 2
        assert shown["audit"]["expected"] == shown["audit"]["delivered"] > 10
        assert "together with 2 others" in client.get("/quota/").content.decode()
        assert "checked alone on 21 Nov" in client.get("/quota/").content.decode()
    else:
        assert {(entry.group_id, entry.audit_interval) for entry in after} == {(None, None)}
        log = fetch_keyword(due(), SCHEDULE)
        assert log is not None
        assert log.sharing.count() == 0
