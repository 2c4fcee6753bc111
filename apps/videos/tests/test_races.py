"""Many workers compete for the same thing: one gets it, on both databases."""

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from apps.conftest import NOW, MovableTime
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.incidents.notify import notify_pending
from apps.incidents.tests.inbox import Inbox
from apps.quota import pacific
from apps.quota.models import QuotaSpend
from apps.videos import notifications
from apps.videos.fetching import claims, erasing, storing
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, Match, NewVideo, Video, VideoLog, VideoTotal
from apps.videos.scheduling import beat, pauses
from apps.videos.tests.builders import claim_of, found_video, store
from apps.videos.tests.conftest import RealDatabase, held
from simulator.exchange import Request, Response
from simulator.server import Simulator

# PostgreSQL locks rows; SQLite has one lock for all.
only_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)

HOUR = timedelta(hours=1)
SCHEDULE, MANUAL = VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.MANUAL


def watched(word: str = "Python") -> KeyWordEntry:
    """Return a keyword that is due, not claimed."""
    return KeyWordEntry.objects.create(keyword=word)


def only(results: list[Any]) -> Any:
    """Return the one result that is not None."""
    (one,) = [result for result in results if result is not None]
    return one


# --- Claims --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", [VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.MANUAL])
def test_it_works(database: RealDatabase, trigger: VideoLog.Trigger) -> None:
    entry = watched()
    for _ in range(20):
        token = only(database.at_once(*[partial(entry.claim, trigger)] * 8))
        entry.refresh_from_db()
        assert entry.claim_token == token
        assert entry.release(token)


def test_an_ended_claim_is_claimed_once(database: RealDatabase) -> None:
    entry = watched()
    old = entry.claim(VideoLog.Trigger.SCHEDULE)
    for _ in range(20):
        claims.end(*claim_of(entry))
        new = only(
            database.at_once(
                *[partial(entry.claim, VideoLog.Trigger.SCHEDULE), partial(entry.claim, VideoLog.Trigger.MANUAL)] * 4
            )
        )
        assert new != old
        old = new


def test_a_claim_that_is_renewed_at_that_moment_is_kept(database: RealDatabase) -> None:
    """Beat may end only what it has seen unchanged. Either comes first: the holder knows whether it still holds it."""
    entry = watched()
    for _ in range(20):
        token = entry.claim(VideoLog.Trigger.SCHEDULE)
        _, kept = database.at_once(partial(claims.end, *claim_of(entry)), partial(entry.renew, token))
        entry.refresh_from_db()
        assert entry.claim_token == (token if kept else "")
        entry.release(token)


def test_the_old_holder_of_a_claim_changes_nothing(database: RealDatabase) -> None:
    entry = watched()
    old = entry.claim(VideoLog.Trigger.SCHEDULE)
    claims.end(*claim_of(entry))
    new = entry.claim(VideoLog.Trigger.SCHEDULE)
    before = KeyWordEntry.objects.values().get()

    assert not any(database.at_once(*[partial(entry.release, old, next_due_at=timezone.now() + HOUR)] * 4))
    assert not any(database.at_once(*[partial(entry.renew, old)] * 4))
    with pytest.raises(storing.ClaimLost):
        storing.store([entry], old, [], "youtube")
    assert KeyWordEntry.objects.values().get() == before
    assert entry.release(new)


def test_a_message_delivered_many_times_fetches_once(database: RealDatabase) -> None:
    """A message that comes after a short fetch has ended does nothing either: the keyword is no longer due."""
    entry = watched()

    def fetch() -> str | None:
        token = entry.claim(VideoLog.Trigger.SCHEDULE)
        if token:
            assert entry.release(token, next_due_at=timezone.now() + HOUR)
        return token

    for _ in range(20):
        KeyWordEntry.objects.update(next_due_at=timezone.now())
        assert only(database.at_once(*[fetch] * 8))
        assert fetch() is None


def test_a_keyword_deleted_at_that_moment_is_not_claimed(database: RealDatabase) -> None:
    for _ in range(20):
        entry = watched()
        *_, token = database.at_once(entry.delete, partial(entry.claim, VideoLog.Trigger.SCHEDULE))
        assert entry.claim(VideoLog.Trigger.MANUAL) is None
        assert token is None or not entry.release(token)
        erasing.erase(entry)


# --- Adding, planning ----------------------------------------------------------------------------


def test_a_keyword_is_added_once_by_simultaneous_requests(database: RealDatabase) -> None:
    for turn in range(6):
        spellings = [f"Word {turn}", f"WORD {turn}", f"  word   {turn} ", f"word {turn}"]
        added = database.at_once(*[partial(KeyWordEntry.objects.watch, text) for text in spellings * 2])
        assert sorted(new for _, new in added) == [False] * 7 + [True]
        assert len({entry.pk for entry, _ in added}) == 1
    assert KeyWordEntry.objects.count() == 6
    assert_beat_mirrors_keywords()


def test_a_previewed_keyword_is_watched_by_simultaneous_requests(database: RealDatabase) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", state="previewed")
    database.at_once(*[partial(KeyWordEntry.objects.watch, "python", interval=60)] * 8)
    assert KeyWordEntry.objects.get() == entry
    assert KeyWordEntry.objects.get().state == "watched"
    assert_beat_mirrors_keywords()


def test_the_first_keywords_of_all_may_come_at_once(database: RealDatabase) -> None:
    for _ in range(5):
        for table in (KeyWordEntry, PeriodicTask, IntervalSchedule, PeriodicTasks):
            QuerySet.delete(table.objects.all())
        database.at_once(*[partial(watched, f"word {number}") for number in range(8)])
        assert KeyWordEntry.objects.count() == 8
        assert_beat_mirrors_keywords()


@only_postgresql
def test_changing_many_keywords_at_once_does_not_deadlock(database: RealDatabase, settings: Any) -> None:
    """PostgreSQL would end a deadlock with an error. In time its rows are stored in another order than their ids."""
    entries = KeyWordEntry.including_deleted.all()
    KeyWordEntry.objects.bulk_create(
        KeyWordEntry(pk=pk, keyword=f"word {pk}", normalized=f"word {pk}", interval=3600)
        for pk in random.sample(range(1, 401), 400)
    )
    settings.YT_SEARCHES_PER_DAY = {"": 100_000}  # so that plans stay as they are
    delete = KeyWordEntry.objects.filter(pk__gt=360).delete
    beat.sync()
    for _ in range(8):
        until = timezone.now() + HOUR
        entries.update(state="watched", next_due_at=until)
        VideoLog.objects.bulk_create(VideoLog(keyword_id=pk, status="waiting") for pk in range(1, 401))
        incidents.open(Incident.Kind.SEARCHES_USED_UP, "All searches are used.", until=until)
        database.at_once(beat.sync, pauses.resume_waiting, beat.sync, delete)
    assert KeyWordEntry.objects.filter(next_due_at__lte=timezone.now()).count() == 360
    assert_beat_mirrors_keywords()


@only_postgresql
def test_planning_and_erasing_never_deadlock(database: RealDatabase, settings: Any) -> None:
    """An erase gives videos to other keywords, in the order of the videos, while planning holds these keywords."""
    settings.YT_SEARCHES_PER_DAY = {"": 100_000}
    others = [KeyWordEntry(keyword=f"word {number}", normalized=f"word {number}") for number in range(200)]
    KeyWordEntry.objects.bulk_create(others)
    for _ in range(4):
        doomed = held("doomed")
        store(doomed, *(found_video(f"v-{number}") for number in range(200)))
        now, date = timezone.now(), Video.objects.first().published_at
        random.shuffle(others)
        Match.objects.bulk_create(
            Match(keyword=other, video_id=f"v-{number}", method="youtube", created_at=now, published_at=date)
            for number, other in enumerate(others)
        )
        doomed.delete()
        database.at_once(partial(erasing.erase, doomed), plan_often, plan_often)
        assert Video.objects.filter(keyword__in=others).count() == 200
        Match.objects.all().delete()
        Video.objects.all().delete()


@only_postgresql
def test_planning_and_sending_never_deadlock(database: RealDatabase, settings: Any) -> None:
    """A plan changes the rows in the order of their intervals, while beat records that it has sent them all."""
    settings.YT_SEARCHES_PER_DAY = {"": 100_000}
    entries = [KeyWordEntry(pk=pk, keyword=f"word {pk}", normalized=f"word {pk}") for pk in range(1, 101)]
    KeyWordEntry.objects.bulk_create(entries)
    beat.sync()

    def send() -> None:
        for _ in range(60):
            beat.record_sent(range(1, 101))

    for _ in range(6):
        for entry in entries:
            entry.interval = random.choice([3600, 7200, 14400])
        KeyWordEntry.objects.bulk_update(entries, ["interval"])
        database.at_once(beat.sync, send)
    assert_beat_mirrors_keywords()


def test_planning_keeps_up_with_keywords_that_come_and_go(database: RealDatabase) -> None:
    for number in range(10):
        watched(f"old {number}")

    def come_and_go(name: str) -> None:
        for number in range(5):
            entry, _ = KeyWordEntry.objects.watch(f"{name} {number}", interval=600 * (number + 1))
            entry.interval = 1200
            entry.save()
            if number % 2:
                entry.delete()
        # As admin's "delete selected" does, many in one statement.
        KeyWordEntry.objects.filter(keyword__startswith=name).exclude(keyword=f"{name} 0").delete()

    database.at_once(*[plan_often] * 4, *[partial(come_and_go, name) for name in ("new", "other", "third")])

    beat.sync()
    assert KeyWordEntry.objects.count() == 13
    assert_beat_mirrors_keywords()


def plan_often() -> None:
    for _ in range(10):
        beat.sync()


def assert_beat_mirrors_keywords() -> None:
    rows = PeriodicTask.objects.filter(task=beat.TASK)
    intervals = {entry.pk: entry.current_interval for entry in KeyWordEntry.objects.scheduled()}
    assert {row.name: (json.loads(row.args), row.interval.every) for row in rows} == {
        f"keyword-{pk}": ([pk], seconds) for pk, seconds in intervals.items()
    }


# --- Deleting while a fetch is under way ---------------------------------------------------------


@contextmanager
def meanwhile(youtube: Simulator, happens: Callable[[], object]) -> Iterator[None]:
    """Run something in another connection after the search and before videos.list."""
    answer = youtube.answer

    def answer_late(request: Request) -> Response:
        if request.path.endswith("/videos"):
            try:
                happens()
            finally:
                connections.close_all()
        return answer(request)

    youtube.answer = answer_late  # type: ignore[method-assign]
    yield
    youtube.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("trigger", [SCHEDULE, MANUAL])
def test_a_fetch_whose_keyword_is_deleted_ends_quietly(
    youtube: Simulator, database: RealDatabase, trigger: VideoLog.Trigger
) -> None:
    entry = watched()
    with meanwhile(youtube, entry.delete):
        log = fetch_keyword(entry, trigger)
    assert log is not None
    log.refresh_from_db()
    assert (log.status, log.number_added, log.searches) == ("interrupted", 0, 1)
    assert "deleted" in log.message

    erasing.erase(entry)
    assert not KeyWordEntry.including_deleted.exists()
    assert Video.objects.count() == Match.objects.count() == VideoTotal.current() == 0


def test_a_fetch_whose_keyword_is_erased_ends_quietly_too(youtube: Simulator, database: RealDatabase) -> None:
    entry = watched()

    def delete_and_erase() -> None:
        entry.delete()
        erasing.erase(entry)

    with meanwhile(youtube, delete_and_erase):
        fetch_keyword(entry, SCHEDULE)
    log = VideoLog.objects.get()
    assert (log.keyword, log.keyword_text, log.status) == (None, "Python", "interrupted")
    assert not KeyWordEntry.including_deleted.exists()
    assert Video.objects.count() == Match.objects.count() == VideoTotal.current() == 0


def test_a_fetch_never_stores_for_a_keyword_added_again(youtube: Simulator, database: RealDatabase) -> None:
    entry = watched()

    def delete_and_add_again() -> None:
        entry.delete()
        KeyWordEntry.objects.watch("python")

    with meanwhile(youtube, delete_and_add_again):
        log = fetch_keyword(entry, SCHEDULE)
    assert log is not None
    assert log.status == "interrupted"
    again = KeyWordEntry.objects.get()
    assert (again.video_count, again.last_fetched_at, again.is_due()) == (0, None, True)
    assert Video.objects.count() == 0


def test_a_fetch_that_was_taken_over_stores_nothing(youtube: Simulator, database: RealDatabase) -> None:
    entry = watched()

    def take_over() -> None:
        claims.end(*claim_of(entry))
        tokens.append(entry.claim(VideoLog.Trigger.SCHEDULE))

    tokens: list[str | None] = []
    with meanwhile(youtube, take_over):
        log = fetch_keyword(entry, SCHEDULE)
    assert log is not None
    assert log.status == "interrupted"
    entry.refresh_from_db()
    assert [entry.claim_token] == tokens
    assert Video.objects.count() == 0


# --- Incidents -----------------------------------------------------------------------------------


def test_an_incident_opens_once_and_is_notified_once(database: RealDatabase, inbox: Inbox) -> None:
    until = timezone.now() + HOUR
    begin = partial(incidents.open, Incident.Kind.SEARCHES_USED_UP, "All searches are used.", until=until)
    for turn in range(5):
        database.at_once(*[begin] * 8)
        assert (Incident.objects.count(), Incident.objects.open().count()) == (turn + 1, 1)
        database.at_once(*[notify_pending] * 4)
        assert len(inbox.messages) == 2 * turn + 1
        database.at_once(*[partial(incidents.close, Incident.Kind.SEARCHES_USED_UP)] * 4)
        database.at_once(*[notify_pending] * 4)
        assert len(inbox.messages) == 2 * turn + 2


def test_of_an_expired_incident_and_a_new_one_one_is_open(database: RealDatabase) -> None:
    begin = partial(incidents.open, Incident.Kind.SEARCHES_USED_UP, "All searches are used.")
    for turn in range(10):
        Incident.objects.update(until=timezone.now())
        database.at_once(*[partial(begin, until=timezone.now() + HOUR)] * 8)
        assert (Incident.objects.count(), Incident.objects.open().count()) == (turn + 1, 1)


# --- Notifications of new videos -----------------------------------------------------------------


def test_each_new_video_is_notified_once(database: RealDatabase, inbox: Inbox) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python")
    KeyWordEntry.objects.update(notify=KeyWordEntry.Notify.EACH, notify_since=timezone.now())
    for turn in range(5):
        store(entry, found_video(published_at=timezone.now()))
        (subject,) = notifications.due_subjects()
        database.at_once(*[partial(notifications.send_to, subject, math.inf)] * 8)
        assert len(inbox.messages) == turn + 1
        assert not NewVideo.objects.exists()


# --- Searches ------------------------------------------------------------------------------------

# Forked after the set-up, as Celery forks its workers.
RESERVE = """
import multiprocessing, sys, django, time_machine
time_machine.travel(sys.argv[1], tick=False).start()
django.setup()
from apps.quota import ledger
from apps.quota.models import QuotaSpend

def reserve():
    QuotaSpend.objects.exists()  # connected
    ready.wait(60)
    reserved.put(sum(ledger.reserve("birds", "search", ledger.Purpose.MANUAL) for _ in range(4)))

context = multiprocessing.get_context("fork")
ready, reserved = context.Barrier(8), context.Queue()
workers = [context.Process(target=reserve) for _ in range(8)]
for worker in workers:
    worker.start()
print(sum(reserved.get(timeout=60) for _ in workers))
"""


def test_processes_share_the_last_searches(frozen_time: MovableTime, database: RealDatabase) -> None:
    """Eight processes with the real settings reserve 32 searches where 10 are left."""
    day = pacific.day_of(NOW)
    QuotaSpend.objects.create(project="birds", day=day, bucket="search", used=90)
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "WINDHOVER_ENV_FILE": os.devnull,
        "STATE_DIR": str(django_settings.STATE_DIR),
        "SECRET_KEY": "for tests only",
        "YT_KEYS": "birds=no-real-key",
        "DATABASE_URL": database.url,
    }
    reserved = subprocess.check_output(
        [sys.executable, "-c", RESERVE, NOW.isoformat()],
        cwd=django_settings.BASE_DIR,
        env=environment,
        text=True,
        timeout=100,
    )
    assert reserved == "10\n"
    assert QuotaSpend.objects.get().used == 100
