"""The messages to workers, and how lost ones are replaced."""

import re
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from celery import current_app
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import OutOfMemoryError, TimeoutError

from apps.quota.models import ApiKey
from apps.videos import tasks
from apps.videos.fetching.manual import fetch_now
from apps.videos.models import KeyWordEntry, VideoLog
from core.errors import SourceUnavailable

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_keyword_is_fetched_at_once(sent: list[tuple]) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python")
    assert sent == [("process_trigger", (entry.pk,), {"trigger": "first"})]


def test_a_resumed_keyword_is_fetched_at_once_if_it_is_due(sent: list[tuple]) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", state=KeyWordEntry.State.PAUSED)
    assert sent == []
    entry.state = KeyWordEntry.State.WATCHED
    entry.save()
    assert [name for name, *_ in sent] == ["process_trigger"]


def test_nothing_is_sent_for_a_keyword_that_is_not_due(sent: list[tuple]) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", next_due_at=timezone.now() + timedelta(hours=1))
    entry.weight = 2
    entry.save()
    assert sent == []


def test_deleting_begins_to_erase(sent: list[tuple]) -> None:
    KeyWordEntry.objects.create(keyword="Python")
    sent.clear()
    KeyWordEntry.objects.all().delete()
    assert [name for name, *_ in sent] == ["erase_deleted"]


@pytest.mark.parametrize(
    "error", [OperationalError("no broker"), TimeoutError("paused"), OutOfMemoryError("full"), OSError("no socket")]
)
def test_an_unavailable_broker_fails_nothing(monkeypatch, caplog, error: Exception) -> None:
    def away(*args, **kwargs):
        raise error

    monkeypatch.setattr("celery.app.task.Task.apply_async", away)
    monkeypatch.setattr(current_app, "connection_or_acquire", away)
    assert not tasks.queue_is_full()
    entry, _ = KeyWordEntry.objects.watch("Python")
    log = fetch_now(entry)

    assert log.status == "waiting"
    assert "broker unavailable" in caplog.text


def test_catching_up_enqueues_overdue_and_lost_fetches(sent: list[tuple]) -> None:
    now = timezone.now()
    overdue = KeyWordEntry.objects.create(keyword="overdue")
    never = KeyWordEntry.objects.create(keyword="never")
    paused = KeyWordEntry.objects.create(keyword="paused", state=KeyWordEntry.State.PAUSED)
    asked = VideoLog.objects.create(
        keyword=paused, status="waiting", trigger="manual", created_at=now - timedelta(minutes=2)
    )
    claimed = KeyWordEntry.objects.create(keyword="claimed")
    KeyWordEntry.objects.create(keyword="later", next_due_at=now + timedelta(minutes=1))
    KeyWordEntry.objects.create(keyword="deleted").delete()
    live = KeyWordEntry.objects.exclude(keyword__in=["later", "paused"])
    live.update(next_due_at=now - timedelta(minutes=3))
    KeyWordEntry.objects.filter(pk=overdue.pk).update(last_fetched_at=now - timedelta(hours=2))
    KeyWordEntry.objects.filter(pk=claimed.pk).update(claim_token="t", claimed_at=now)
    sent.clear()

    tasks.catch_up()

    assert sorted(sent, key=str) == sorted(
        [
            ("process_trigger", (paused.pk,), {"trigger": "manual", "log_id": asked.pk}),
            ("process_trigger", (overdue.pk,), {"trigger": "schedule"}),
            ("process_trigger", (never.pk,), {"trigger": "first"}),
        ],
        key=str,
    )


def test_catching_up_closes_what_a_dead_worker_left_open() -> None:
    log = VideoLog.objects.create(keyword_text="x", created_at=timezone.now() - timedelta(hours=1))
    tasks.catch_up()
    log.refresh_from_db()
    assert log.status == "interrupted"


def test_catching_up_keeps_a_fetch_that_is_claimed_whatever_the_clock_says() -> None:
    entry = KeyWordEntry.objects.create(keyword="Python")
    entry.claim(VideoLog.Trigger.SCHEDULE)
    hour = timedelta(hours=1)
    logs = [
        VideoLog.objects.create(keyword=entry, status="running", created_at=timezone.now() + ago)
        for ago in (-hour, hour)
    ]
    tasks.catch_up()
    assert [VideoLog.objects.get(pk=log.pk).status for log in logs] == ["running", "running"]


def test_catching_up_leaves_beat_time_to_send(sent: list[tuple]) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python")
    for late, times in ((10, 0), (20, 1)):
        KeyWordEntry.objects.update(next_due_at=timezone.now() - timedelta(seconds=late))
        sent.clear()
        tasks.catch_up()
        assert sent == [("process_trigger", (entry.pk,), {"trigger": "first"})] * times


def test_beats_message_begins_a_first_fetch_too(youtube) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", interval=60)
    tasks.process_trigger(entry.pk)
    KeyWordEntry.objects.update(next_due_at=timezone.now())
    tasks.process_trigger(entry.pk)
    assert list(entry.logs.order_by("pk").values_list("trigger", flat=True)) == ["first", "schedule"]


def test_fetch_now_returns_the_fetch_under_way(sent: list[tuple]) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python")
    assert fetch_now(entry) == fetch_now(entry)
    assert VideoLog.objects.count() == 1


def test_a_message_from_before_a_backup_was_restored_fetches_nothing() -> None:
    """Its log has become that of another keyword."""
    old, other = (KeyWordEntry.objects.create(keyword=word) for word in ("Python", "Rust"))
    log = other.logs.create(trigger="manual", status="waiting")
    tasks.process_trigger(old.pk, trigger="manual", log_id=log.pk)
    log.refresh_from_db()
    assert log.status == "waiting"


def test_a_task_for_a_row_that_is_gone_ends_quietly() -> None:
    tasks.process_trigger(4711)
    tasks.process_trigger(4711, trigger="manual", log_id=4711)
    assert VideoLog.objects.count() == 0


def test_the_watch_command_does_what_the_page_does(sent: list[tuple], capsys) -> None:
    call_command("watch", "  Two   Words ", "--interval", "600")
    call_command("watch", "two words")

    entry = KeyWordEntry.objects.get()
    assert (entry.keyword, entry.interval) == ("Two Words", 600)
    assert sent == [("process_trigger", (entry.pk,), {"trigger": "first"})]
    assert capsys.readouterr().out.splitlines() == [
        "Now watching “Two Words”.",
        "“Two Words” already exists (watched). Nothing was changed.",
    ]


@pytest.mark.parametrize("arguments", [["  "], ["x" * 501], ["python", "--interval", "0"]])
def test_the_watch_command_refuses_in_one_sentence(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("watch", *arguments)
    assert str(refusal.value).count(".") == 1
    assert KeyWordEntry.objects.count() == 0


def test_the_fetch_command_explains_an_unknown_keyword() -> None:
    with pytest.raises(CommandError, match=r"manage\.py watch"):
        call_command("fetch", "python")


def test_the_fetch_command_shows_the_result(youtube, capsys) -> None:
    KeyWordEntry.objects.create(keyword="Python")
    call_command("fetch", "PYTHON")
    assert capsys.readouterr().out == "YouTube: 50 found, 50 new.\n"


def test_what_a_source_says_does_not_command_the_terminal(
    youtube: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    KeyWordEntry.objects.create(keyword="Python")
    message = "\x1b[2Jquota \x9b1m"
    monkeypatch.setattr("apps.videos.fetching.searching.search", Mock(side_effect=SourceUnavailable(message)))
    with pytest.raises(CommandError):
        call_command("fetch", "Python")
    ApiKey.objects.update(reason=message)
    call_command("quota")
    shown = capsys.readouterr().out
    assert "\\u001b[2Jquota \\u009b1m" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
