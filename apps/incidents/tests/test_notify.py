"""Messages are sent, through a real webhook, to each address of NOTIFY_URLS by itself."""

import logging
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured

from apps.incidents import incidents, notify
from apps.incidents.models import Incident
from apps.incidents.tasks import notify_admin
from apps.incidents.tests.inbox import Inbox
from core import webhook

pytestmark = pytest.mark.django_db


def undelivered() -> list[str]:
    kind = Incident.Kind.NOTIFICATION_FAILED
    return list(Incident.objects.open().filter(kind=kind).order_by("message").values_list("message", flat=True))


def test_it_works(inbox: Inbox) -> None:
    assert notify.send("A key was refused", "It has expired.") == [True]
    (message,) = inbox.messages
    assert (message["title"], message["message"]) == ("A key was refused", "It has expired.")
    assert undelivered() == []


def test_redirects_are_followed_only_if_the_address_says_so(inbox: Inbox) -> None:
    inbox.moved["/old"] = f"http://127.0.0.1:{inbox.port}/elsewhere"
    address = f"json://127.0.0.1:{inbox.port}/old"
    assert not notify.deliver(address, "Title", "Body")
    assert inbox.received == []
    assert notify.deliver(f"{address}?redirect=yes", "Title", "Body")
    assert [one.path for one in inbox.received] == ["/elsewhere"]


def test_no_password_of_this_user_is_sent(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login me password a-password")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert notify.deliver(f"json://127.0.0.1:{inbox.port}/", "Title", "Body")
    webhook.post(f"http://127.0.0.1:{inbox.port}/", b"{}", delivery="an id", secret="shared")
    assert [one.headers.get("Authorization") for one in inbox.received] == [None, None]


def test_addresses_that_hang_do_not_take_until_the_time_limit(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task would be killed, and what it was sending then would count as notified."""
    passed = 0.0

    def hang(*_: object) -> bool:
        nonlocal passed
        passed += notify.SEND_SECONDS
        return False

    monkeypatch.setattr(notify, "deliver", hang)
    monkeypatch.setattr(time, "monotonic", lambda: passed)
    settings.NOTIFY_URLS = "json://a.example json://b.example json://c.example"
    for number in range(9):
        incidents.open(Incident.Kind.KEY_REFUSED, "It has expired.", subject=str(number))
    notify_admin()
    assert notify.SEND_SECONDS < passed < settings.CELERY_TASK_SOFT_TIME_LIMIT
    assert not Incident.objects.filter(kind=Incident.Kind.KEY_REFUSED).exclude(opened_notified_at=None).exists()


@pytest.mark.parametrize("between", [",", " ", ", ", "\n"])
def test_it_sends_to_several(inbox: Inbox, settings: Any, between: str) -> None:
    settings.NOTIFY_URLS += f"/one{between}{settings.NOTIFY_URLS}/two"
    assert notify.send("Title", "Body") == [True, True]
    assert len(inbox.messages) == 2


def test_a_comma_within_an_address_belongs_to_it(settings: Any) -> None:
    settings.NOTIFY_URLS = "mailto://me:secret@example.org?to=a@example.org,b@example.org,tgram://1:a/2"
    assert notify.addresses() == [
        "mailto://me:secret@example.org?to=a@example.org,b@example.org",
        "tgram://1:a/2",
    ]


@pytest.mark.parametrize("bad", ["nonsense", "no-such-service://host", "json://127.0.0.1:1/nobody-listens"])
@pytest.mark.parametrize("first", [True, False])
def test_a_failing_address_does_not_affect_the_others(inbox: Inbox, settings: Any, bad: str, first: bool) -> None:
    settings.NOTIFY_URLS = " ".join([bad, settings.NOTIFY_URLS] if first else [settings.NOTIFY_URLS, bad])
    assert notify.send("Title", "Body") == [not first, first]
    assert len(inbox.messages) == 1
    (message,) = undelivered()
    assert message.startswith(f"Entry {1 if first else 2} of NOTIFY_URLS ({bad.partition(':')[0]})")


def test_an_address_that_fails_is_a_problem_until_it_accepts_a_message(
    inbox: Inbox, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFY_URLS = f"json://me:a-password@127.0.0.1:{inbox.port}/"
    inbox.refuses = True
    with caplog.at_level(logging.WARNING, logger="apps.incidents"):
        assert notify.send("A key was refused", "Body") == [False]
    assert undelivered() == ["Entry 1 of NOTIFY_URLS (json) did not accept a message."]
    assert "A key was refused" in caplog.text
    assert "a-password" not in caplog.text

    inbox.refuses = False
    assert notify.send("Another", "Body") == [True]
    assert undelivered() == []


def test_the_admin_learns_from_the_other_address_that_one_fails(inbox: Inbox, settings: Any) -> None:
    settings.NOTIFY_URLS += " json://127.0.0.1:1/nobody-listens"
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False) as clock:
        incidents.open(Incident.Kind.KEY_REFUSED, "It has expired.", subject="a")
        notify.notify_pending()
        clock.shift(timedelta(minutes=31))
        notify.notify_pending()
    assert [message["title"] for message in inbox.messages] == [
        "Windhover: API key refused",
        "Windhover: Notification not delivered",
    ]


def test_a_removed_address_is_no_problem_any_more(settings: Any) -> None:
    settings.NOTIFY_URLS = "json://127.0.0.1:1/nobody-listens"
    notify.send("Title", "Body")
    assert len(undelivered()) == 1
    settings.NOTIFY_URLS = ""
    notify.notify_pending()
    assert undelivered() == []


@pytest.mark.parametrize("addresses", ["", "   "])
def test_without_an_address_nothing_is_sent(settings: Any, addresses: str) -> None:
    settings.NOTIFY_URLS = addresses
    notify.check()
    assert notify.send("Title", "Body") == []


@pytest.mark.parametrize("bad", ["nonsense", "no-such-service://hunter2@host", "discord://hunter2"])
def test_an_unknown_address_is_named_by_its_position_only(settings: Any, bad: str) -> None:
    settings.NOTIFY_URLS = f"json://example.org {bad}"
    with pytest.raises(ImproperlyConfigured, match=r"^NOTIFY_URLS: entry 2 is not .*\.$") as refusal:
        notify.check()
    assert "hunter2" not in str(refusal.value)


def test_no_password_of_an_address_is_logged() -> None:
    """With the logging of the settings, since Apprise itself logs addresses that it cannot parse."""
    code = (
        "import logging, django; django.setup(); from django.conf import settings; from contextlib import suppress;"
        "from apps.incidents import notify\n"
        "with suppress(Exception): notify.check()\n"
        "logging.getLogger('anything').error('sent to %s', settings.NOTIFY_URLS)"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "NOTIFY_URLS": "discord://hunter2",
        "WINDHOVER_ENV_FILE": os.devnull,
    }
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "sent to [hidden]" in ran.stderr
    assert "hunter2" not in ran.stderr + ran.stdout
