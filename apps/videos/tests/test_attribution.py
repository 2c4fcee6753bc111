"""Where a keyword stands in a video that it found is stored, shown, and found out anew when the video changes."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.videos import phrases, tasks
from apps.videos.fetching import reattributing, storing
from apps.videos.models import KeyWordEntry, Match, Video
from apps.videos.tests.builders import found_video, store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


LETTERS = st.sampled_from("aB éß日本語ハ매🦅σς-_/.'\"9٣\u200d\u0301İ")
TEXTS = st.text(LETTERS, max_size=8)


@pytest.mark.django_db
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example("é日", "é日本 B")
@example("日", "本日")
@example("9\u200d9", "9")
@given(TEXTS, TEXTS)
def test_a_phrase_that_stands_in_a_title_is_found_by_a_search(word: str, title: str) -> None:
    """The other way round is not needed: what a search finds is compared again."""
    word = word.replace('"', " ")
    title = f"{title}{word} {title}"
    if not phrases.has_words(word) or not phrases.phrase(word).search(phrases.fold(title)):
        return
    Video.objects.all().delete()
    entry, _ = KeyWordEntry.objects.watch("owl")
    store(entry, found_video("a", title=title, description="", channel_title=""))
    assert Video.objects.search(f'"{word}"').exists(), (word, title)


@pytest.fixture
def owl(db: None) -> KeyWordEntry:
    entry = KeyWordEntry.objects.create(keyword="Barn Owl")
    store(
        entry,
        found_video("t", title="The barn owl", published_at=NOON.replace(hour=3)),
        found_video("d", description="An owl in a barn", published_at=NOON.replace(hour=2)),
        found_video("n", published_at=NOON.replace(hour=1)),
    )
    return entry


def test_lists_show_it_and_can_be_filtered(client: Client, owl: KeyWordEntry) -> None:
    other = KeyWordEntry.objects.create(keyword="the title")
    store(other, found_video("n", published_at=NOON.replace(hour=1)), found_video("t", title="The barn owl"))

    def shown(address: str) -> dict[str, str]:
        body = client.get(address).json()
        assert body["count"] == len(body["results"])
        return {video["video_id"]: video["matched_in"] for video in body["results"]}

    everything = {"t": "title", "d": "description", "n": "nowhere"}
    for address in ("/api/videos/", "/api/keyword/barn owl/videos/"):
        assert shown(address) == everything
        for video_id, place in everything.items():
            for more in ("", "&search=owl OR title", "&method=youtube"):
                wanted = {video_id: place} if "search" not in more else {}
                assert shown(f"{address}?matched_in={place}{more}") == wanted
    assert shown("/api/keyword/the title/videos/") == {"n": "title", "t": "nowhere"}
    assert shown("/api/videos/?keyword=the title&keyword=barn owl&matched_in=nowhere") == {"n": "nowhere", "t": "title"}
    for video_id, place in everything.items():
        assert client.get(f"/api/videos/{video_id}/").json()["matched_in"] == place


def test_it_changes_with_the_video(owl: KeyWordEntry) -> None:
    storing.update([found_video("n", title="Owl", channel_title="Barn", complete=True), found_video("t", title="Egg")])
    assert dict(owl.matches.values_list("video", "matched_in")) == {"t": "nowhere", "d": "description", "n": "several"}
    storing.update([found_video("d", complete=True, tags=("bird", "barnowl"))])
    assert owl.matches.get(video="d").matched_in == "tags"


def test_a_chore_finds_it_out_for_what_was_stored_before(
    client: Client, owl: KeyWordEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("CHUNK", 2), ("INTERVAL", 0)):
        monkeypatch.setattr(reattributing, name, value)
    before = dict(owl.matches.values_list("video", "matched_in"))
    import_module("apps.videos.migrations.0025_attribution").forget(apps, None)
    answer = client.get("/api/videos/")
    assert answer.json()["results"][0]["matched_in"] is None
    reattributing.attribute_stored(deadline=0)
    assert Match.objects.filter(matched_in=None).count() == 3
    tasks.attribute_matches()
    assert dict(owl.matches.values_list("video", "matched_in")) == before
    assert client.get("/api/videos/", headers={"If-None-Match": answer["ETag"]}).status_code == 200
    answer = client.get("/api/videos/")
    tasks.attribute_matches()
    assert client.get("/api/videos/", headers={"If-None-Match": answer["ETag"]}).status_code == 304
