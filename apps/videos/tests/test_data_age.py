"""Data of YouTube's API is refreshed, or erased before it is 30 days old."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys, ledger
from apps.quota.models import ApiKey
from apps.videos import hiding, marks
from apps.videos.fetching import counting, refreshing
from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoTotal
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.fetches import fetched
from simulator.server import Simulator

DATA = ("title", "description", "tags", "channel_id", "channel_title", "thumbnail", "duration", "view_count")
ALLOWED = timedelta(days=30)


def pass_days(frozen_time: MovableTime, days: float, every: timedelta = timedelta(hours=6)) -> timedelta:
    """Let time pass and the chore run; return how old data has become."""
    oldest = timedelta(0)
    for _ in range(round(timedelta(days=days) / every)):
        frozen_time.move(seconds=every.total_seconds())
        refreshing.refresh()
        given = Video.objects.filter(blanked_at=None).annotate(given_at=Coalesce("completed_at", "created_at"))
        oldest = max(oldest, *(timezone.now() - at for at in given.values_list("given_at", flat=True)), timedelta(0))
    return oldest


def refuse(youtube: Simulator, *, refused: bool) -> None:
    for project in youtube.projects:
        for key in project.keys:
            key.state = "invalid" if refused else "valid"


def test_forty_days(youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    fetched(entry)
    views = dict(Video.objects.values_list("pk", "view_count"))
    oldest = pass_days(frozen_time, 10)
    fetched(entry)
    gone, *_ = stay = list(entry.matches.order_by("pk").values_list("video", flat=True)[:2])
    youtube.world.delete(gone)

    oldest = max(oldest, pass_days(frozen_time, 30))

    assert timedelta(days=24) < oldest < ALLOWED
    # Gone on YouTube: what YouTube said is erased, what is our own is kept.
    video = Video.objects.get(pk=gone)
    assert (video.title, video.description, video.channel_title, video.view_count) == ("", "", "", None)
    assert timedelta(days=24) <= video.missing_since - NOW < video.blanked_at - NOW < ALLOWED
    assert entry.matches.get(video=gone).created_at == video.created_at == NOW
    # The others are as YouTube shows them now.
    other = Video.objects.get(pk=stay[1])
    assert other.title
    assert other.blanked_at is None
    assert other.view_count > views[other.pk]
    assert not Incident.objects.exists()
    assert Video.objects.count() == entry.video_count == VideoTotal.current()


def test_what_cannot_be_refreshed_is_erased_after_a_notice(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    fetched(entry)
    pass_days(frozen_time, 1)
    before = {video.pk: video for video in Video.objects.all()}
    starred = entry.matches.earliest("pk").video_id
    marks.mark([starred], starred=True)
    refuse(youtube, refused=True)

    assert pass_days(frozen_time, 25.5) < ALLOWED
    incident = Incident.objects.get(kind=Incident.Kind.DATA_NOT_REFRESHED)
    assert "is erased" in incident.message
    assert not Video.objects.exclude(blanked_at=None).exists()
    assert refreshing.report().erased_from == incident.opened_at + refreshing.NOTICE

    assert pass_days(frozen_time, 6) < ALLOWED
    assert set(Video.objects.values_list(*DATA)) == {("", "", None, "", "", "", None, None)}
    assert not Video.objects.exclude(published_at=F("created_at")).exists()
    assert not Match.objects.exclude(published_at=F("video__published_at")).exists()
    assert Video.objects.get(pk=starred).is_starred
    assert not incidents.is_open(Incident.Kind.DATA_NOT_REFRESHED)

    refuse(youtube, refused=False)
    for key in ApiKey.objects.all():
        keys.reactivate(key)
    pass_days(frozen_time, 1)
    for video in Video.objects.all():
        then = before[video.pk]
        assert (video.title, video.published_at, video.published_exact) == (then.title, then.published_at, True)
        assert (video.blanked_at, video.completed_at is None) == (None, False)
    assert counting.verify_counts() == 0


def test_old_data_is_refreshed_first_after_a_long_absence(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    fetched(entry)
    frozen_time.move(days=90)
    refreshing.refresh()
    assert not Video.objects.filter(completed_at__lt=timezone.now()).exists()
    assert not Video.objects.exclude(blanked_at=None).exists()
    assert not incidents.is_open(Incident.Kind.DATA_NOT_REFRESHED)


def test_nothing_is_erased_while_clocks_differ(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    fetched(entry)
    refuse(youtube, refused=True)
    pass_days(frozen_time, 27)
    incidents.open(Incident.Kind.CLOCKS_DIFFER, "The clock of the worker is ahead.")
    pass_days(frozen_time, 5)
    assert not Video.objects.exclude(blanked_at=None).exists()


def test_what_invidious_said_is_kept(entry: KeyWordEntry, frozen_time: MovableTime, youtube: Simulator) -> None:
    store(entry, found_video("estimated", published_exact=False), method=VideoFetchMethod.INVIDIOUS)
    refuse(youtube, refused=True)
    pass_days(frozen_time, 40)
    assert Video.objects.get().title == "The title of estimated"


def test_a_video_stays_hidden_by_its_rule(entry: KeyWordEntry, youtube: Simulator, frozen_time: MovableTime) -> None:
    rule, _ = hiding.add("word", "secret")
    store(entry, found_video("one", title="A secret"), found_video("two"))
    refuse(youtube, refused=True)
    pass_days(frozen_time, 32)
    assert not Video.objects.filter(blanked_at=None).exists()

    hiding.add("word", "another")
    hiding.apply_pending()
    marks.mark(["one"], starred=True)
    assert Video.objects.get(pk="one").is_hidden
    assert not Video.objects.get(pk="two").is_hidden

    hiding.delete(type(rule).objects.filter(pk=rule.pk))
    hiding.apply_pending()
    assert not Video.objects.get(pk="one").is_hidden
    assert counting.verify_counts() == 0


def test_units_are_kept_for_new_videos(youtube: Simulator, frozen_time: MovableTime, settings: Any) -> None:
    settings.YT_UNITS_PER_DAY = {"": 100}
    reserved = 0
    frozen_time.move_to(NOW.replace(hour=8))  # the reset
    used = []
    for _ in range(25):
        while ledger.reserve("one", "general", ledger.Purpose.REFRESH):
            reserved += 1
        used.append(reserved)
        frozen_time.move(minutes=59)
    assert (used[0], used[12], used[24]) == (10, 59, 90)
    assert ledger.reserve("one", "general", ledger.Purpose.SCHEDULE)


def test_a_big_backlog_is_refreshed_within_a_day(entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    VideoTotal.objects.update_or_create(pk=1, defaults={"count": 3_456_000})
    # Twice as many as on average: 24 days have 3,456 runs.
    assert refreshing._portion(timezone.now()) == 2000


def erased_then_working_again(youtube: Simulator, frozen_time: MovableTime) -> None:
    """Let all data be erased as no key works, and then the keys work again."""
    refuse(youtube, refused=True)
    pass_days(frozen_time, 32)
    assert not Video.objects.filter(blanked_at=None).exists()
    refuse(youtube, refused=False)
    for key in ApiKey.objects.all():
        keys.reactivate(key)


def test_an_erased_video_that_is_left_out_once_comes_back(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    fetched(entry)
    erased_then_working_again(youtube, frozen_time)
    with patch("core.youtube_api.list_videos", autospec=True, return_value=[]):
        refreshing.refresh()
    assert not Video.objects.filter(missing_since=None).exists()
    pass_days(frozen_time, 2)
    assert not Video.objects.exclude(blanked_at=None, missing_since=None).exists()


def test_an_erased_video_does_not_come_back_in_part(
    youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime
) -> None:
    store(entry, found_video("one"))
    erased_then_working_again(youtube, frozen_time)
    store(entry, found_video("one", title="From a search"))
    assert Video.objects.get().title == ""


def test_what_a_search_said_today_is_not_old(youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    store(entry, found_video("one", published_exact=False), method=VideoFetchMethod.INVIDIOUS)
    frozen_time.move(days=28)
    store(entry, found_video("one", title="From YouTube"))
    refreshing._sync_incident()
    assert not incidents.is_open(Incident.Kind.DATA_NOT_REFRESHED)
    assert refreshing.report().oldest_at == timezone.now()


def test_dates_from_a_clock_that_was_ahead(youtube: Simulator, entry: KeyWordEntry, frozen_time: MovableTime) -> None:
    fetched(entry)
    Video.objects.update(completed_at=timezone.now() + timedelta(days=365))
    refreshing.refresh()
    pass_days(frozen_time, 0.25)
    assert set(Video.objects.values_list("completed_at", flat=True)) == {timezone.now()}
