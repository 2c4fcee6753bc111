"""What migrations do with the rows of earlier versions."""

from datetime import UTC, datetime
from importlib import import_module
from types import ModuleType

import pytest
from django.apps import apps
from django.utils import timezone

from apps.videos.models import KeyWordEntry, Match, Video
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def migration(name: str) -> ModuleType:
    return import_module(f"apps.videos.migrations.{name}")


def test_dates_that_cannot_be_true_become_estimates() -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    wrong = [found_video("old", published_at=EPOCH), found_video("late", published_at=EPOCH.replace(year=2099))]
    store(entry, *(video for video in wrong), found_video("right"))
    right = Video.objects.get(pk="right").published_at
    migration("0002_stream_starts").ask_again(apps, None)

    for video in Video.objects.all():
        assert video.published_at == (right if video.pk == "right" else video.created_at)
        assert video.published_exact == (video.pk == "right")
        assert Match.objects.get(video=video).published_at == video.published_at


def test_streams_that_are_over_are_asked_for_their_start() -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    store(entry, found_video("over", live_state="completed", complete=True), found_video("video", complete=True))
    migration("0002_stream_starts").ask_again(apps, None)
    assert list(Video.objects.filter(completed_at=None).values_list("pk", flat=True)) == ["over"]


def test_keywords_that_one_refusal_had_marked_refused_are_tried_again() -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    KeyWordEntry.objects.update(bad_query="Refused.", next_due_at=None)
    migration("0003_refused_since").try_again(apps, None)
    assert KeyWordEntry.objects.overdue(timezone.now()).get() == entry
    assert KeyWordEntry.objects.scheduled().get() == entry


def test_keywords_are_normalized_again_and_none_is_lost() -> None:
    rows = {
        "Maße": "masse",
        "mas\u200bse": "mas\u200bse",  # its new form is the old one of Maße
        "falcon": "falcon",
        "Falcon\u200b": "falcon\u200b",
        "fal\ufeffcon": "fal\ufeffcon",
        "x²": "x2",
        "rust": "rust",
        "z" * 500: "z" * 500,
        "z" * 499 + "\u200b": "z" * 499 + "\u200b",
    }
    for keyword, normalized in rows.items():
        KeyWordEntry.objects.bulk_create([KeyWordEntry(keyword=keyword, normalized=normalized)])
    migration("0004_same_words").normalize_again(apps, None)

    now = dict(KeyWordEntry.objects.order_by("pk").values_list("keyword", "normalized"))
    assert KeyWordEntry.objects.count() == len(rows)
    assert [now[word] for word in ("Maße", "masse", "x²", "rust")] == ["maße", "masse", "x²", "rust"]
    forms = [entry.normalized for entry in KeyWordEntry.objects.order_by("pk") if entry.keyword.lower() == "falcon"]
    assert forms == ["falcon", "falcon\u200b", "falcon\u200b\u200b"]
    assert KeyWordEntry.objects.find("FALCON") == KeyWordEntry.objects.get(normalized="falcon")

    for entry in KeyWordEntry.objects.all():
        entry.weight = 7
        entry.save()
    migration("0004_same_words").normalize_again(apps, None)
    assert dict(KeyWordEntry.objects.values_list("keyword", "normalized")) == now, "a second run changes nothing"


def test_keywords_whose_letters_are_the_same_now_are_both_kept() -> None:
    for word in ("⽔", "水", "ᲀ", "ẛ", "rust"):
        KeyWordEntry.objects.bulk_create([KeyWordEntry(keyword=word, normalized=word)])
    for _ in range(2):
        migration("0007_same_letters").normalize_again(apps, None)
        assert list(KeyWordEntry.objects.order_by("pk").values_list("keyword", "normalized")) == [
            ("⽔", "水"),
            ("水", "水\u200b"),
            ("ᲀ", "в"),
            ("ẛ", "ṡ"),
            ("rust", "rust"),
        ]
    assert KeyWordEntry.objects.watch("水") == (KeyWordEntry.objects.get(keyword="⽔"), False)


def test_a_long_keyword_that_collides_is_kept_too() -> None:
    for form in ("z" * 500, "z" * 499 + "\u200b"):
        KeyWordEntry.objects.bulk_create([KeyWordEntry(keyword="z" * 500, normalized=form)])
    migration("0004_same_words").normalize_again(apps, None)
    assert list(KeyWordEntry.objects.order_by("pk").values_list("normalized", flat=True)) == [
        "z" * 500,
        "z" * 499 + "\u200b",
    ]
