"""Incidents open and close once, and the admin is notified once of each."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.incidents.tasks import notify_admin
from apps.incidents.tests.conftest import NOW
from apps.incidents.tests.inbox import Inbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

USED_UP = Incident.Kind.SEARCHES_USED_UP
RESET = NOW + timedelta(hours=20)


def test_it_works(inbox: Inbox, clock: time_machine.Traveller) -> None:
    incidents.open(USED_UP, "All searches are used.", until=RESET)
    notify_admin()
    assert len(inbox.messages) == 1
    assert "Daily search limit reached" in inbox.text

    clock.move_to(RESET)
    notify_admin()
    assert len(inbox.messages) == 2
    assert "Resolved" in inbox.messages[1]["message"]
    assert not Incident.objects.open().exists()


def test_it_notifies_once_however_many_notice(inbox: Inbox) -> None:
    for _ in range(3):
        incidents.open(USED_UP, "All searches are used.", until=RESET)
        notify_admin()
    assert len(inbox.messages) == 1
    assert Incident.objects.count() == 1


def test_the_next_days_pause_is_another(inbox: Inbox, clock: time_machine.Traveller) -> None:
    incidents.open(USED_UP, "All searches are used.", until=RESET)
    notify_admin()
    clock.move_to(RESET + timedelta(hours=12))
    incidents.open(USED_UP, "All searches are used.", until=RESET + timedelta(days=1))
    notify_admin()
    assert len(inbox.messages) == 3
    assert Incident.objects.count() == 2


def test_it_retries_a_message_that_was_not_accepted(inbox: Inbox) -> None:
    inbox.refuses = True
    incidents.open(USED_UP, "All searches are used.", until=RESET)
    notify_admin()
    inbox.refuses = False
    notify_admin()
    notify_admin()
    assert len(inbox.messages) == 1


def test_it_gives_up_after_a_day(inbox: Inbox, clock: time_machine.Traveller) -> None:
    inbox.refuses = True
    incidents.open(Incident.Kind.KEY_REFUSED, "It has expired.", subject="a")
    notify_admin()
    inbox.refuses = False
    clock.shift(timedelta(days=1, seconds=1))
    notify_admin()
    assert inbox.messages == []


@pytest.mark.parametrize("wrong", [timedelta(days=-20_000), timedelta(days=-1, minutes=-1), timedelta(days=1)])
@pytest.mark.parametrize("kind", [Incident.Kind.KEY_REFUSED, Incident.Kind.YOUTUBE_UNAVAILABLE])
def test_it_notifies_of_what_opened_while_the_clock_was_wrong(
    inbox: Inbox, clock: time_machine.Traveller, wrong: timedelta, kind: Incident.Kind
) -> None:
    clock.move_to(NOW + wrong)
    incidents.open(kind, "Something failed.")
    clock.move_to(NOW)
    inbox.refuses = True
    notify_admin()
    inbox.refuses = False
    clock.shift(timedelta(hours=23))
    notify_admin()
    notify_admin()
    assert inbox.text.count("Something failed.") == 1

    incidents.close(kind)
    notify_admin()
    assert inbox.text.count("Resolved: Something failed.") == 1


def test_a_short_outage_while_the_clock_is_set_back_is_not_notified(
    inbox: Inbox, clock: time_machine.Traveller
) -> None:
    incidents.open(Incident.Kind.YOUTUBE_UNAVAILABLE, "YouTube is having problems (HTTP 503).")
    clock.shift(timedelta(days=-1))
    for _ in range(2):
        notify_admin()
        clock.shift(timedelta(minutes=10))
    incidents.close(Incident.Kind.YOUTUBE_UNAVAILABLE)
    notify_admin()
    assert inbox.messages == []


def test_what_is_open_is_notified_once_a_message_is_accepted_again(inbox: Inbox, clock: time_machine.Traveller) -> None:
    inbox.refuses = True
    incidents.open(Incident.Kind.KEY_REFUSED, "It has expired.", subject="a")
    notify_admin()
    inbox.refuses = False
    clock.shift(timedelta(days=3))
    incidents.open(Incident.Kind.KEY_REFUSED, "It is unknown.", subject="b")
    for _ in range(2):
        notify_admin()
    assert inbox.text.count("It has expired.") == 1


def test_no_address_is_not_a_failure(settings: Any) -> None:
    incidents.open(USED_UP, "All searches are used.", until=RESET)
    notify_admin()
    # An address added later is not sent old incidents.
    assert not Incident.objects.filter(opened_notified_at=None).exists()


def test_the_command_sends_a_test(inbox: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("notify", "--test")
    assert len(inbox.messages) == 1
    assert "accepted the message" in capsys.readouterr().out

    inbox.refuses = True
    with pytest.raises(CommandError, match="Not every address"):
        call_command("notify", "--test")


def test_the_command_needs_an_address() -> None:
    with pytest.raises(CommandError, match="NOTIFY_URLS"):
        call_command("notify", "--test")


def test_a_short_outage_is_not_notified(inbox: Inbox, clock: time_machine.Traveller) -> None:
    incidents.open(Incident.Kind.YOUTUBE_UNAVAILABLE, "YouTube is having problems (HTTP 503).")
    notify_admin()
    clock.shift(timedelta(minutes=20))
    incidents.close(Incident.Kind.YOUTUBE_UNAVAILABLE)
    clock.shift(timedelta(hours=1))
    notify_admin()
    assert inbox.messages == []


def test_a_long_outage_is_notified(inbox: Inbox, clock: time_machine.Traveller) -> None:
    incidents.open(Incident.Kind.YOUTUBE_UNAVAILABLE, "YouTube is having problems (HTTP 503).")
    clock.shift(timedelta(minutes=31))
    notify_admin()
    incidents.close(Incident.Kind.YOUTUBE_UNAVAILABLE)
    notify_admin()
    assert len(inbox.messages) == 2


def test_a_broken_address_does_not_repeat_messages_to_the_others(inbox: Inbox, settings: Any) -> None:
    settings.NOTIFY_URLS += ",json://127.0.0.1:9"
    incidents.open(USED_UP, "All searches are used.", until=RESET)
    for _ in range(3):
        notify_admin()
    assert len(inbox.messages) == 1


def test_a_pause_is_never_shortened(inbox: Inbox) -> None:
    incidents.open(USED_UP, "All searches are used.", until=RESET)
    incidents.open(USED_UP, "A key is cooling down.", until=NOW + timedelta(minutes=15))
    assert Incident.objects.open().get().until == RESET


def test_a_block_that_is_extended_is_not_over(inbox: Inbox, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        incidents.open(Incident.Kind.INVIDIOUS_BLOCKED, "Blocked.", until=timezone.now() + timedelta(hours=1))
        notify_admin()
        clock.shift(timedelta(hours=1, minutes=1))
        notify_admin()
    assert len(inbox.messages) == 1


def test_a_limit_reached_just_before_the_reset_is_not_notified(inbox: Inbox, clock: time_machine.Traveller) -> None:
    clock.move_to(RESET - timedelta(minutes=20))
    incidents.open(USED_UP, "All searches are used.", until=RESET)
    notify_admin()
    clock.move_to(RESET)
    notify_admin()
    assert inbox.messages == []
