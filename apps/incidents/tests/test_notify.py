"""Messages are sent, through a real webhook."""

import logging
import os
import subprocess
import sys

import pytest

from apps.incidents.notify import send
from apps.incidents.tests.inbox import Inbox


def test_it_works(inbox: Inbox) -> None:
    assert send(f"json://127.0.0.1:{inbox.port}/hook", "A key was refused", "It has expired.") == [True]
    (message,) = inbox.messages
    assert (message["title"], message["message"]) == ("A key was refused", "It has expired.")


@pytest.mark.parametrize("between", [",", " ", ", "])
def test_it_sends_to_several(inbox: Inbox, between: str) -> None:
    address = f"json://127.0.0.1:{inbox.port}"
    assert send(f"{address}/one{between}{address}/two", "Title", "Body") == [True, True]
    assert len(inbox.messages) == 2


@pytest.mark.parametrize("addresses", ["", "   ", "nonsense", "no-such-service://host"])
def test_it_handles_no_valid_address(addresses: str) -> None:
    assert send(addresses, "Title", "Body") == []


def test_it_handles_a_webhook_that_fails(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    inbox.refuses = True
    with caplog.at_level(logging.WARNING, logger="apps.incidents.notify"):
        accepted = send(f"json://me:a-password@127.0.0.1:{inbox.port}/", "A key was refused", "Body")
    assert accepted == [False]
    (record,) = [record for record in caplog.records if record.name == "apps.incidents.notify"]
    assert "A key was refused" in record.getMessage()
    assert "a-password" not in caplog.text


def test_no_password_of_an_address_is_logged() -> None:
    """With the logging of the settings, since Apprise itself logs addresses that it cannot parse."""
    code = (
        "import logging, django; django.setup(); from django.conf import settings;"
        "from apps.incidents.notify import send; send(settings.NOTIFY_URLS, 'title', 'body');"
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
