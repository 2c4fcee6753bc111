"""Many keywords at once: adding them, changing them, and undoing a change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from apps.videos import bulk
from apps.videos.bulk import Item
from apps.videos.models import KeyWordEntry
from apps.videos.models.keyword import DISTANCE
from apps.videos.tests.conftest import RealDatabase

pytestmark = pytest.mark.django_db

State = KeyWordEntry.State


def added(*words: str, **chosen: Any) -> list[Item]:
    items = [Item(word, dict(chosen)) for word in words]
    bulk.add(items)
    return items


def words() -> list[str]:
    return list(KeyWordEntry.objects.order_by("pk").values_list("keyword", flat=True))


def test_it_works() -> None:
    KeyWordEntry.objects.create(keyword="Owl", interval=60)
    items = added("kestrel", "OWL", "", "red  kite", "Kestrel", interval=600)

    assert [str(item.outcome) for item in items] == ["new", "known", "refused", "new", "known"]
    assert words() == ["Owl", "kestrel", "red kite"]
    assert list(KeyWordEntry.objects.order_by("pk").values_list("interval", flat=True)) == [60, 600, 600]
    assert items[2].error
    assert items[2].error.messages == ["Enter a keyword."]
    assert [item.entry and item.entry.keyword for item in items] == ["kestrel", "Owl", None, "red kite", "kestrel"]
    assert bulk.count(items) == {"new": 2, "known": 2, "refused": 1}


def test_a_review_says_the_same_and_adds_nothing(django_assert_num_queries: Any) -> None:
    KeyWordEntry.objects.create(keyword="owl")
    items = [Item(word) for word in ("kestrel", "OWL", "\u200b", "KESTREL")]
    with django_assert_num_queries(1):
        bulk.review(items)
    assert [str(item.outcome) for item in items] == ["new", "known", "refused", "known"]
    assert words() == ["owl"]


def test_a_previewed_keyword_is_watched_with_what_was_chosen() -> None:
    KeyWordEntry.objects.create(keyword="Kestrel", state=State.PREVIEWED)
    KeyWordEntry.objects.update(bad_query="Refused.", refused_since=timezone.now())
    (item,) = added("kestrel", interval=600, weight=3)
    entry = KeyWordEntry.objects.get()
    assert (str(item.outcome), item.entry) == ("new", entry)
    assert (entry.keyword, entry.state, entry.interval, entry.weight) == ("Kestrel", "watched", 600, 3)
    assert entry.next_due_at is not None
    assert (entry.bad_query, entry.refused_since) == ("", None)


def test_first_fetches_are_spread_and_paused_keywords_have_none(frozen_time: Any) -> None:
    items = added(*(f"bird {n}" for n in range(9)))
    due = [item.entry.next_due_at for item in items if item.entry and item.entry.next_due_at]
    now = timezone.now()
    assert due == [now] * 5 + [now + n * DISTANCE for n in range(1, 5)]
    (paused,) = added("owl", state=State.PAUSED)
    assert paused.entry
    assert paused.entry.next_due_at is None


def test_three_hundred_are_added_in_few_queries_with_one_plan(
    django_capture_on_commit_callbacks: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    sent: list[tuple],
    frozen_time: Any,
) -> None:
    PeriodicTasks.objects.all().delete()
    plans: list[Any] = []
    monkeypatch.setattr("apps.videos.scheduling.beat.make_plan", lambda **options: plans.append(1))
    with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks(execute=True):
        added(*(f"bird {n}" for n in range(300)))

    assert KeyWordEntry.objects.count() == 300
    # SQLite takes 999 values in a statement, so some thirty rows.
    assert len(queries) < 30
    assert plans == [], "beat makes the plan"
    assert PeriodicTasks.objects.exists(), "which is requested"
    assert len(sent) == 5, "the others are fetched one after the other"


def test_a_few_are_planned_together_at_once(
    django_capture_on_commit_callbacks: Callable[..., Any], youtube: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.videos.scheduling import beat

    plans, make_plan = [], beat.make_plan
    monkeypatch.setattr(beat, "make_plan", lambda **options: plans.append(1) or make_plan(**options))
    with django_capture_on_commit_callbacks(execute=True):
        added(*(f"bird {n}" for n in range(20)))
    assert len(plans) == 1
    assert PeriodicTask.objects.filter(name__startswith="keyword-").count() == 20


def test_of_many_that_are_due_beat_sends_the_rest(
    django_capture_on_commit_callbacks: Callable[..., Any], sent: list[tuple], frozen_time: Any
) -> None:
    added(*(f"bird {n}" for n in range(150)), state=State.PAUSED)
    with django_capture_on_commit_callbacks(execute=True):
        bulk.change(KeyWordEntry.objects.all(), "state", State.WATCHED)
    assert KeyWordEntry.objects.overdue(timezone.now()).count() == 150
    assert len(sent) == 100


@pytest.mark.parametrize(
    ("name", "value", "before"),
    [
        ("interval", 3600, [None, 60, 3600]),
        ("interval", None, [None, 60, 3600]),
        ("weight", 5, [1, 5, 9]),
        ("state", State.PAUSED, [State.WATCHED, State.PAUSED, State.WATCHED]),
        ("state", State.WATCHED, [State.WATCHED, State.PAUSED, State.PREVIEWED]),
    ],
)
def test_a_change_is_undone(name: str, value: Any, before: list[Any]) -> None:
    for number, own in enumerate(before):
        KeyWordEntry.objects.create(keyword=f"bird {number}", **{name: own})
    values = KeyWordEntry.objects.order_by("pk").values_list(name, flat=True)
    done = bulk.change(KeyWordEntry.objects.all(), name, value)
    assert list(values.all()) == [value] * 3
    assert done.number == sum(own != value for own in before)
    assert bulk.undo(done) == done.number
    assert list(values.all()) == before


def test_only_the_chosen_are_changed() -> None:
    added("kestrel", "owl")
    bulk.change(KeyWordEntry.objects.filter(keyword="owl"), "weight", 9)
    assert dict(KeyWordEntry.objects.values_list("keyword", "weight")) == {"kestrel": 1, "owl": 9}


def test_an_undo_leaves_what_was_changed_since() -> None:
    added("kestrel", "owl", "wren")
    done = bulk.change(KeyWordEntry.objects.all(), "weight", 9)
    KeyWordEntry.objects.filter(keyword="owl").update(weight=4)
    KeyWordEntry.objects.get(keyword="wren").delete()
    assert bulk.undo(done) == 1
    assert dict(KeyWordEntry.objects.values_list("keyword", "weight")) == {"kestrel": 1, "owl": 4}


def test_a_deletion_is_undone() -> None:
    added("kestrel", weight=7)
    added("owl", state=State.PAUSED)
    done = bulk.delete(KeyWordEntry.objects.all())
    assert not KeyWordEntry.objects.exists()
    assert bulk.undo(done) == done.number == 2
    assert list(KeyWordEntry.objects.order_by("pk").values_list("state", "weight")) == [("watched", 7), ("paused", 1)]


def test_a_change_is_kept_for_one_undo() -> None:
    added("kestrel")
    done = bulk.change(KeyWordEntry.objects.all(), "weight", 9)
    token = bulk.keep(done)
    assert len(token) > 20
    assert bulk.take(token) == done
    assert bulk.take(token) is None
    assert bulk.take("") is None


def test_a_full_disk_only_prevents_the_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("django.core.cache.backends.filebased.FileBasedCache.set", fail)
    added("kestrel")
    assert bulk.keep(bulk.change(KeyWordEntry.objects.all(), "weight", 9)) == ""


@pytest.mark.parametrize("number", [1, 200])
def test_a_change_costs_as_many_queries_for_many(number: int, django_assert_num_queries: Any) -> None:
    added(*(f"bird {n}" for n in range(number)))
    # 1 savepoint, 2 ids, 3 what they have, 4 update, 5 savepoint
    with django_assert_num_queries(5):
        done = bulk.change(KeyWordEntry.objects.all(), "weight", 9)
    # 1 savepoint, 2 those unchanged, 3 update, 4 savepoint
    with django_assert_num_queries(4):
        bulk.undo(done)


def test_two_processes_that_add_the_same_both_succeed(database: RealDatabase) -> None:
    lists = [[f"bird {n}" for n in range(40)], [f"Bird {n}" for n in reversed(range(40))]]
    first, second = database.at_once(*(lambda words=words: added(*words) for words in lists))
    assert KeyWordEntry.objects.count() == 40
    outcomes = [str(item.outcome) for item in [*first, *second]]
    assert outcomes.count("new") == outcomes.count("known") == 40
