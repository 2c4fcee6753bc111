"""What is in the way: begun and ended once, and the admin told once of each."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from apps.quota import ledger, troubles
from apps.quota.models import ApiKey, Trouble
from apps.quota.tasks import tell_troubles
from apps.quota.tests.conftest import NOW, UseKeys

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SPENT = Trouble.Kind.SEARCHES_SPENT
RESET = NOW + timedelta(hours=20)


class Inbox:
    """An address that takes what Apprise sends to it, or refuses it."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.refuses = False


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if not inbox.refuses:
                inbox.messages.append(body)
            self.send_response(500 if inbox.refuses else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        settings.NOTIFY_URLS = f"json://127.0.0.1:{server.server_port}"
        yield inbox
        server.shutdown()


def test_it_works(inbox: Inbox, clock: time_machine.Traveller) -> None:
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
    tell_troubles()
    assert len(inbox.messages) == 1
    assert "Waiting for searches" in inbox.messages[0]

    clock.move_to(RESET)
    tell_troubles()
    assert len(inbox.messages) == 2
    assert "This is over" in inbox.messages[1]
    assert not Trouble.objects.open().exists()


def test_it_tells_once_however_many_notice(inbox: Inbox) -> None:
    for _ in range(3):
        troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
        tell_troubles()
    assert len(inbox.messages) == 1
    assert Trouble.objects.count() == 1


def test_the_next_days_pause_is_another(inbox: Inbox, clock: time_machine.Traveller) -> None:
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
    tell_troubles()
    clock.move_to(RESET + timedelta(hours=12))
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET + timedelta(days=1))
    tell_troubles()
    assert len(inbox.messages) == 3
    assert Trouble.objects.count() == 2


def test_it_tries_again_when_nobody_took_the_message(inbox: Inbox) -> None:
    inbox.refuses = True
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
    tell_troubles()
    inbox.refuses = False
    tell_troubles()
    tell_troubles()
    assert len(inbox.messages) == 1


def test_it_gives_up_after_a_day(inbox: Inbox, clock: time_machine.Traveller) -> None:
    inbox.refuses = True
    troubles.begin(Trouble.Kind.KEY_REFUSED, "It has expired.", subject="a")
    tell_troubles()
    inbox.refuses = False
    clock.shift(timedelta(days=1, seconds=1))
    tell_troubles()
    assert inbox.messages == []


def test_nobody_to_tell_is_no_failure(settings: Any) -> None:
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
    tell_troubles()
    # Whoever is added later hears of what happens then, not of all that ever was.
    assert not Trouble.objects.filter(begin_told_at=None).exists()


def test_a_refused_key_is_told_until_it_works_again(inbox: Inbox, use_keys: UseKeys) -> None:
    one, two = use_keys("birds=the-first-secret", "cats=the-second-secret")
    ledger.refuse(one, "It has expired.")
    ledger.refuse(two, "It is not valid.")
    tell_troubles()
    assert len(inbox.messages) == 2

    ledger.reactivate(one)
    tell_troubles()
    assert len(inbox.messages) == 3
    assert [trouble.subject for trouble in Trouble.objects.open()] == [two.fingerprint]
    assert "secret" not in "".join(inbox.messages)


def test_taking_the_keys_of_a_suspended_project_out_ends_it(use_keys: UseKeys) -> None:
    one, *_ = use_keys("birds=one", "birds=two", "cats=three")
    ledger.suspend(one.project, "Suspended.")
    use_keys("birds=two", "cats=three")
    assert Trouble.objects.open().count() == 1
    use_keys("cats=three")
    assert Trouble.objects.open().count() == 0
    assert [key.label for key, _ in ledger.usable_keys()] == ["cats"]
    assert ApiKey.objects.count() == 1


def test_the_command_sends_a_test(inbox: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("notify", "--test")
    assert len(inbox.messages) == 1
    assert "took the message" in capsys.readouterr().out

    inbox.refuses = True
    with pytest.raises(CommandError, match="Not every address"):
        call_command("notify", "--test")


def test_the_command_says_that_there_is_nobody_to_tell() -> None:
    with pytest.raises(CommandError, match="NOTIFY_URLS"):
        call_command("notify", "--test")


def test_a_moment_without_youtube_is_told_to_nobody(inbox: Inbox, clock: time_machine.Traveller) -> None:
    troubles.begin(Trouble.Kind.YOUTUBE_AWAY, "YouTube had a fault of its own.")
    tell_troubles()
    clock.shift(timedelta(minutes=20))
    troubles.end(Trouble.Kind.YOUTUBE_AWAY)
    clock.shift(timedelta(hours=1))
    tell_troubles()
    assert inbox.messages == []


def test_hours_without_youtube_are_told(inbox: Inbox, clock: time_machine.Traveller) -> None:
    troubles.begin(Trouble.Kind.YOUTUBE_AWAY, "YouTube had a fault of its own.")
    clock.shift(timedelta(minutes=31))
    tell_troubles()
    troubles.end(Trouble.Kind.YOUTUBE_AWAY)
    tell_troubles()
    assert len(inbox.messages) == 2


def test_one_broken_address_does_not_make_the_others_hear_it_again(inbox: Inbox, settings: Any) -> None:
    settings.NOTIFY_URLS += ",json://127.0.0.1:9"
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
    for _ in range(3):
        tell_troubles()
    assert len(inbox.messages) == 1


def test_a_pause_is_never_shortened(inbox: Inbox) -> None:
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
    troubles.begin(SPENT, "A key rests.", until=NOW + timedelta(minutes=15))
    assert Trouble.objects.open().get().until == RESET


def test_a_block_that_is_looked_at_again_is_not_over(inbox: Inbox, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        troubles.begin(Trouble.Kind.INVIDIOUS_BLOCKED, "Blocked.", until=timezone.now() + timedelta(hours=1))
        tell_troubles()
        clock.shift(timedelta(hours=1, minutes=1))
        tell_troubles()
    assert len(inbox.messages) == 1


def test_a_pause_of_minutes_before_the_reset_is_told_to_nobody(inbox: Inbox, clock: time_machine.Traveller) -> None:
    clock.move_to(RESET - timedelta(minutes=20))
    troubles.begin(SPENT, "Today's searches are spent.", until=RESET)
    tell_troubles()
    clock.move_to(RESET)
    tell_troubles()
    assert inbox.messages == []


def test_troubles_with_an_invidious_end_when_it_is_taken_out(settings: Any) -> None:
    for kind in (Trouble.Kind.INVIDIOUS_AWAY, Trouble.Kind.INVIDIOUS_BLOCKED):
        troubles.begin(kind, "It does not answer.")
    settings.INVIDIOUS_URL = "http://127.0.0.1:9"
    ledger.sync_keys()
    assert Trouble.objects.open().count() == 2
    settings.INVIDIOUS_URL = ""
    ledger.sync_keys()
    assert not Trouble.objects.open().exists()


def test_an_open_trouble_tells_the_newest_reason(use_keys: UseKeys) -> None:
    (one,) = use_keys("birds=one")
    ledger.rest(one, "The API is not enabled.", timedelta(hours=1))
    ledger.refuse(one, "It has expired.")
    assert Trouble.objects.open().get().message.endswith("It has expired.")
