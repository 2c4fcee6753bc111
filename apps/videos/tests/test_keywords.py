"""What is a valid keyword, when two are the same, and what saving one writes."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from apps.videos import keywords
from apps.videos.models import KeyWordEntry
from apps.videos.tests.builders import ODD_KEYWORDS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("text", ODD_KEYWORDS)
def test_it_takes_any_text(text: str) -> None:
    entry, is_new = KeyWordEntry.objects.watch(text)

    assert is_new
    assert KeyWordEntry.objects.find(text) == entry
    assert entry.keyword == keywords.strip_invisible(text)


@pytest.mark.parametrize("other", ["two words", "  TWO\t\nWords ", "Ｔｗｏ　Ｗｏｒｄｓ", "two\u00a0words"])
def test_case_spacing_and_width_make_no_other_keyword(other: str) -> None:
    entry, _ = KeyWordEntry.objects.watch("  Two   Words ")

    assert entry.keyword == "Two Words"
    assert KeyWordEntry.objects.watch(other) == (entry, False)


@pytest.mark.parametrize(
    "text", ["", "   ", "\u200b", "\u3164", "\u0301", "a\x00b", "a\x1bb", "\ud800", "x" * 501, "ﷺ" * 400]
)
def test_it_refuses_what_can_be_no_keyword(text: str) -> None:
    with pytest.raises(ValidationError):
        KeyWordEntry.objects.create(keyword=text)
    assert KeyWordEntry.objects.find(text) is None


def test_it_takes_five_hundred_characters() -> None:
    assert KeyWordEntry.objects.create(keyword="x" * 500).keyword == "x" * 500


def test_only_the_spelling_may_change() -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    entry.keyword = "PYTHON"
    entry.save()
    entry.keyword = "ruby"
    with pytest.raises(ValidationError, match="spelling"):
        entry.save()
    assert KeyWordEntry.objects.get().keyword == "PYTHON"


def test_the_database_holds_each_keyword_once() -> None:
    KeyWordEntry.objects.create(keyword="python")
    with pytest.raises(IntegrityError):
        KeyWordEntry.objects.create(keyword="Python")


def test_a_change_writes_only_what_people_choose() -> None:
    """Saving a form must not undo a fetch that ended in between."""
    seen = KeyWordEntry.objects.create(keyword="python")
    KeyWordEntry.objects.update(video_count=50, searched_through="2026-11-20T12:00:00Z", claim_token="a fetch")
    seen.state = KeyWordEntry.State.PAUSED
    seen.save()

    now = KeyWordEntry.objects.get()
    assert (now.state, now.video_count, now.claim_token) == ("paused", 50, "a fetch")
    assert now.searched_through is not None


def test_update_fields_are_the_only_ones_written() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python")
    KeyWordEntry.objects.update(bad_query="Refused.", interval=60)
    entry.weight, entry.interval = 7, 3600
    entry.save(update_fields=["weight"])

    entry.refresh_from_db()
    assert (entry.weight, entry.interval, entry.bad_query) == (7, 60, "Refused.")


def test_many_are_paused_and_resumed_like_one() -> None:
    KeyWordEntry.objects.create(keyword="refused")
    KeyWordEntry.objects.create(keyword="due later", next_due_at=timezone.now() + timedelta(hours=1))
    KeyWordEntry.objects.filter(keyword="refused").update(bad_query="Refused.", next_due_at=None)
    KeyWordEntry.objects.set_state(KeyWordEntry.State.PAUSED)
    assert not KeyWordEntry.objects.watched().exists()

    KeyWordEntry.objects.set_state(KeyWordEntry.State.WATCHED)
    assert [(entry.keyword, entry.is_due()) for entry in KeyWordEntry.objects.all()] == [
        ("due later", False),
        ("refused", True),
    ]


def test_saving_does_not_restore_a_deleted_keyword() -> None:
    seen = KeyWordEntry.objects.create(keyword="python")
    KeyWordEntry.objects.all().delete()
    with pytest.raises(KeyWordEntry.DoesNotExist, match="deleted"):
        seen.save()
    assert not KeyWordEntry.objects.exists()
