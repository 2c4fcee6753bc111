"""Storing found videos: each once, no estimate over exact data, counts equal to rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.videos.fetching import erasing, storing
from apps.videos.models import KeyWordEntry, Match, Video, VideoFetchMethod, VideoTotal
from apps.videos.tests.builders import found_video, store, videos_of
from apps.videos.tests.plans import Query, recorded
from core.found_video import FoundVideo

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GUESS = {"published_exact": False, "published_at": NOON + timedelta(minutes=40)}
WHOLE = {
    "complete": True,
    "description": "All of it.",
    "duration": 61,
    "view_count": 5,
    "tags": ("snake", "programming"),
}


@pytest.fixture
def entry() -> KeyWordEntry:
    return KeyWordEntry.objects.create(keyword="Python")


def only_video() -> Video:
    return Video.objects.get()


def test_it_works(entry: KeyWordEntry) -> None:
    stored = store(entry, found_video("a"), found_video("b"))

    assert stored == storing.Stored(found=2, added=2)
    assert videos_of(entry) == {"a", "b"}
    assert entry.video_count == VideoTotal.current() == 2


def test_it_stores_a_video_once_that_a_page_repeats(entry: KeyWordEntry) -> None:
    assert store(entry, found_video("a"), found_video("a")) == storing.Stored(found=1, added=1)
    assert store(entry, found_video("a")) == storing.Stored(found=1, added=0)
    assert entry.video_count == VideoTotal.current() == Match.objects.count() == 1


def test_it_stores_nothing_for_an_empty_page(entry: KeyWordEntry) -> None:
    assert store(entry) == storing.Stored(found=0, added=0)


def test_it_gives_a_video_to_both_keywords(entry: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="Django")
    store(entry, found_video("a"), found_video("b"))
    store(other, found_video("b"), found_video("c"))

    assert (videos_of(entry), videos_of(other)) == ({"a", "b"}, {"b", "c"})
    assert (entry.video_count, other.video_count, VideoTotal.current()) == (2, 2, 3)
    assert Video.objects.get(pk="b").keyword == entry


def test_an_estimate_never_replaces_exact_data(entry: KeyWordEntry) -> None:
    store(entry, found_video("a"))
    store(entry, found_video("a", title="Another", **GUESS), method=VideoFetchMethod.INVIDIOUS)

    video = only_video()
    assert (video.published_at, video.published_exact, video.title) == (NOON, True, "The title of a")


def test_it_moves_a_corrected_date_in_every_listing(entry: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="Django")
    for keyword in (entry, other):
        store(keyword, found_video("a", **GUESS), method=VideoFetchMethod.INVIDIOUS)
    store(entry, found_video("a"))

    assert (only_video().published_at, only_video().published_exact) == (NOON, True)
    assert set(Match.objects.values_list("published_at", flat=True)) == {NOON}
    assert only_video().method == "invidious"


def test_it_keeps_the_first_estimate(entry: KeyWordEntry) -> None:
    store(entry, found_video("a", **GUESS), method=VideoFetchMethod.INVIDIOUS)
    later = GUESS | {"published_at": NOON + timedelta(hours=3)}
    store(entry, found_video("a", **later), method=VideoFetchMethod.INVIDIOUS)

    assert only_video().published_at == GUESS["published_at"]


def test_it_moves_updated_at_only_when_something_changed(entry: KeyWordEntry) -> None:
    with time_machine.travel(NOON, tick=False):
        store(entry, found_video("a", **WHOLE))
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        store(entry, found_video("a"))
        store(entry, found_video("a", **WHOLE))
    assert (only_video().created_at, only_video().updated_at) == (NOON, NOON)

    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        store(entry, found_video("a", title="A better title", **WHOLE))
    assert (only_video().title, only_video().updated_at) == ("A better title", NOON + timedelta(hours=2))
    assert only_video().created_at == NOON


def test_it_keeps_the_whole_description_when_search_cuts_it(entry: KeyWordEntry) -> None:
    store(entry, found_video("a", **WHOLE))
    store(entry, found_video("a", description="All ..."))

    video = only_video()
    assert (video.description, video.duration, video.view_count) == ("All of it.", 61, 5)


def test_it_accepts_an_empty_description_only_from_complete_data(entry: KeyWordEntry) -> None:
    store(entry, found_video("a", **WHOLE))
    store(entry, found_video("a", description=""))
    assert only_video().description == "All of it."
    store(entry, found_video("a", **WHOLE | {"description": ""}))
    assert only_video().description == ""


def test_it_takes_no_other_empty_text_for_a_change(entry: KeyWordEntry) -> None:
    """A video has a title and a channel; an answer without them is wrong."""
    store(entry, found_video("a", **WHOLE))
    store(entry, found_video("a", **WHOLE | {"title": "", "channel_id": "", "channel_title": ""}))
    assert only_video().title == "The title of a"
    assert only_video().channel_title == "A channel"


def test_it_refuses_a_lost_claim(entry: KeyWordEntry) -> None:
    with pytest.raises(storing.ClaimLost):
        storing.store([entry], "stale", [found_video("a")], VideoFetchMethod.YOUTUBE)
    assert Video.objects.count() == 0


def test_it_costs_the_same_queries_for_one_video_and_for_fifty(
    entry: KeyWordEntry, django_assert_max_num_queries
) -> None:
    other = KeyWordEntry.objects.create(keyword="Django")
    KeyWordEntry.objects.update(claim_token="t")
    VideoTotal.objects.create(pk=1)
    for size in (1, 50):
        page = [found_video(**WHOLE) for _ in range(size)]
        changed = [replace(video, view_count=6, published_at=NOON + timedelta(hours=1)) for video in page]
        for keyword, videos, most in [(entry, page, 9), (entry, page, 6), (entry, changed, 9), (other, changed, 9)]:
            with django_assert_max_num_queries(most):
                storing.store([keyword], "t", videos, VideoFetchMethod.YOUTUBE)


def test_it_writes_only_what_changed(entry: KeyWordEntry) -> None:
    page = [found_video(f"video-{n}", **WHOLE) for n in range(50)]
    store(entry, *page)
    KeyWordEntry.objects.update(claim_token="t")

    assert statements_that_write(entry, [replace(video, complete=False) for video in page]) == []
    assert statements_that_write(entry, page) == []
    Video.objects.filter(pk="video-7").update(completed_at=NOON - timedelta(days=1))
    (stamp,) = statements_that_write(entry, page)
    assert "completed_at" in stamp.sql
    assert "title" not in stamp.sql
    assert stamp.sql.partition("IN (")[2].count("%s") == 1
    (changed,) = statements_that_write(entry, [replace(page[0], title="A better title"), *page[1:]])
    assert [video.video_id for video in page if video.video_id in str(changed.params)] == ["video-0"]
    columns = changed.sql.partition(" SET ")[2].partition(" FROM ")[0]
    assert columns == "title = changed.title, updated_at = changed.updated_at"


def statements_that_write(entry: KeyWordEntry, page: list[FoundVideo]) -> list[Query]:
    """Return the statements of store() that write rows of `page`: not the stamp of a change."""
    with recorded() as queries:
        storing.store([entry], "t", page, VideoFetchMethod.YOUTUBE)
    writing = [query for query in queries if query.sql.startswith(("INSERT", "UPDATE", "WITH"))]
    return [query for query in writing if "videos_videototal" not in query.sql]


def test_it_stores_any_text_number_and_date(entry: KeyWordEntry) -> None:
    """Of new videos and of changed ones; the same on both databases."""
    text = '"It\'s" 100 % {new} \\u0041 \\ \x01 日本語 🦅'
    given = {
        "title": text,
        "description": f"{text}\r\n{text}",
        "view_count": 2**53 + 1,
        "published_at": NOON + timedelta(microseconds=1),
        "starts_at": NOON + timedelta(microseconds=999_999),
    }
    store(entry, found_video("new", **given), found_video("changed", duration=5))
    store(entry, found_video("changed", **given))

    assert list(Video.objects.values(*given)) == [given, given]
    assert Video.objects.get(pk="changed").duration == 5
    assert set(Match.objects.values_list("published_at", flat=True)) == {given["published_at"]}


def test_tags_are_those_of_the_full_data(entry: KeyWordEntry) -> None:
    def stored(**given: Any) -> list[str] | None:
        store(entry, found_video("a", **given))
        return only_video().tags

    text = '"It\'s" 100 % [new] \\u0041 \\ \x01 日本語 🦅'
    assert stored(tags=("of a search",)) is None
    assert stored(complete=True, tags=(text, "b")) == [text, "b"]
    assert stored(tags=(), view_count=7) == [text, "b"]
    assert stored(complete=True) == []
    store(entry, found_video("b", complete=True, tags=(text,)), found_video("c", complete=True), found_video("d"))
    assert dict(Video.objects.values_list("pk", "tags")) == {"a": [], "b": [text], "c": [], "d": None}


def test_it_notes_when_youtube_gave_the_full_data(entry: KeyWordEntry) -> None:
    with time_machine.travel(NOON, tick=False):
        store(entry, found_video("a", **WHOLE))
    Video.objects.update(missing_since=NOON)
    later = NOON + timedelta(hours=1)
    with time_machine.travel(later, tick=False):
        store(entry, found_video("a", **WHOLE))

    video = only_video()
    assert (video.completed_at, video.missing_since, video.updated_at) == (later, None, NOON)


def test_it_stores_any_number_of_videos(entry: KeyWordEntry) -> None:
    page = [found_video(f"{n}") for n in range(1100)]
    assert store(entry, *page) == storing.Stored(found=1100, added=1100)
    assert store(entry, *(replace(video, title="Changed") for video in page)) == storing.Stored(found=1100, added=0)
    assert Video.objects.filter(title="Changed").count() == entry.video_count == VideoTotal.current() == 1100


def test_it_adds_videos_newest_first(entry: KeyWordEntry) -> None:
    """SQLite's index for full text writes more than once if they come in another order."""
    dates = {"video-b": NOON - timedelta(hours=1), "video-a": NOON - timedelta(hours=2), "video-c": NOON}
    with recorded() as queries:
        store(entry, *(found_video(name, published_at=date) for name, date in dates.items()))
    (inserted,) = [query.params for query in queries if query.sql.startswith("INSERT INTO videos_video ")]
    assert sorted(dates, key=str(inserted).index) == ["video-c", "video-b", "video-a"]


def test_what_was_found_together_is_in_the_order_of_publication(entry: KeyWordEntry) -> None:
    for first in (0, 3):
        videos = [found_video(f"{n}", published_at=NOON - timedelta(days=n)) for n in (first + 1, first, first + 2)]
        store(entry, *videos)
    found = Video.objects.order_by("-created_at").values_list("pk", flat=True)
    assert list(found) == ["3", "4", "5", "0", "1", "2"]


def test_it_erases_a_keyword_and_leaves_the_others_videos(entry: KeyWordEntry, monkeypatch) -> None:
    monkeypatch.setattr(erasing, "CHUNK", 3)
    other = KeyWordEntry.objects.create(keyword="Django")
    store(entry, *(found_video(f"mine-{n}") for n in range(7)), found_video("both"))
    store(other, found_video("both"), found_video("theirs"))

    entry.delete()
    assert not KeyWordEntry.objects.filter(pk=entry.pk).exists()
    erasing.erase(entry)

    other.refresh_from_db()
    assert set(Video.objects.values_list("pk", flat=True)) == {"both", "theirs"} == videos_of(other)
    assert Video.objects.get(pk="both").keyword == other
    assert VideoTotal.current() == other.video_count == 2
    assert not KeyWordEntry.including_deleted.filter(pk=entry.pk).exists()


def test_it_keeps_the_log_of_an_erased_keyword(entry: KeyWordEntry) -> None:
    log = entry.logs.create(keyword_text="Python", status="done")
    entry.delete()
    erasing.erase(entry)

    log.refresh_from_db()
    assert (log.keyword, log.keyword_text) == (None, "Python")


def test_a_keyword_can_be_added_again_while_it_is_erased(entry: KeyWordEntry) -> None:
    store(entry, found_video("a"))
    entry.delete()
    again, is_new = KeyWordEntry.objects.watch("python")

    assert is_new
    assert again.video_count == 0
    erasing.erase(entry)
    assert KeyWordEntry.objects.get() == again


def test_a_fetch_that_was_asked_for_ends_with_its_keyword(entry: KeyWordEntry) -> None:
    asked = entry.logs.create(keyword_text="Python", status="waiting", trigger="manual")
    entry.delete()
    erasing.erase(entry)

    asked.refresh_from_db()
    assert (asked.status, asked.message) == ("interrupted", "The keyword was deleted.")


START = NOON + timedelta(days=2)


def test_it_keeps_the_start_that_youtube_gave(entry: KeyWordEntry) -> None:
    store(entry, found_video("a", live_state="upcoming", starts_at=START, **WHOLE))
    store(entry, found_video("a", live_state="upcoming"))
    later = START + timedelta(hours=1)
    store(entry, found_video("a", live_state="upcoming", starts_at=later, **GUESS), method=VideoFetchMethod.INVIDIOUS)
    assert only_video().starts_at == START
    store(entry, found_video("a", live_state="live", starts_at=later, **WHOLE))
    assert only_video().starts_at == later, "moved by YouTube"


def test_invidious_knows_a_start_until_youtube_does(entry: KeyWordEntry) -> None:
    store(entry, found_video("a", live_state="upcoming", starts_at=START, **GUESS), method=VideoFetchMethod.INVIDIOUS)
    assert only_video().starts_at == START
    store(entry, found_video("a", live_state="live", starts_at=START + timedelta(minutes=3), **WHOLE))
    assert only_video().starts_at == START + timedelta(minutes=3)
