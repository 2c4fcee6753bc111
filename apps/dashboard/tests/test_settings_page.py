"""The page of settings: what is configured and from where, without secrets, and a test of notifications."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.incidents.models import Incident
from apps.incidents.tests.inbox import Inbox, inbox
from apps.quota import keys
from apps.videos.models import KeyWordEntry

__all__ = ["inbox"]

pytestmark = pytest.mark.django_db

SECRETS = ["AIzaNobodyMaySeeThis", "hunter2", "123456:botToken", "s3cr3t-key", "webhook-s3cr3t"]


@pytest.fixture(autouse=True)
def configured(settings: Any) -> None:
    settings.YT_KEYS = [("birds", SECRETS[0])]
    settings.YT_SEARCHES_PER_DAY = {"": 100, "birds": 1200}
    settings.NOTIFY_URLS = "mailto://me:hunter2@mail.example tgram://123456:botToken/42"
    settings.REDIS_URL = "redis://:hunter2@redis.example:6380/0"
    settings.SECRET_KEY, settings.WEBHOOK_SECRET = SECRETS[3:]
    settings.SETTING_SOURCES = {
        "YT_KEYS": "YT_KEYS_FILE",
        "YT_SEARCHES_PER_DAY": ".env",
        "REDIS_HOST": "environment",
        "INVIDIOUS_URL": "default",
        "SECRET_KEY": "environment",
    }
    keys.sync()


def rows(client: Client) -> dict[str, tuple[str, ...]]:
    """Return value, variable and source of each setting, by its label."""
    shown = client.get("/settings/").content.decode()
    found = {}
    for row in re.findall(r'<tr role="row">\s*<th role="rowheader".*?</tr>', shown, re.DOTALL):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        label, *rest = (" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells)
        found[label] = tuple(rest)
    return found


def test_it_works(client: Client) -> None:
    found = rows(client)
    fingerprint = keys.fingerprint(SECRETS[0])
    assert found["YouTube API keys"] == (f"birds: fingerprint {fingerprint}, active", "YT_KEYS", "YT_KEYS_FILE")
    assert found["Searches per day"] == ("100 birds: 1,200", "YT_SEARCHES_PER_DAY", ".env")
    assert found["Invidious"] == ("none", "INVIDIOUS_URL", "default")
    assert found["Default interval"] == ("automatic", "FETCH_INTERVAL", "default")
    assert found["Sign-in"][0].startswith("off: anyone who reaches Windhover")
    assert found["Broker"] == ("redis.example:6380", "REDIS_HOST", "environment")
    assert found["Addresses"][0] == "Entry 1 of NOTIFY_URLS (mailto) Entry 2 of NOTIFY_URLS (tgram)"
    assert found["Secret key"] == ("set", "SECRET_KEY", "environment")
    assert found["Secret of webhooks"][0] == "derived from SECRET_KEY"
    assert re.match(r"(SQLite|PostgreSQL), [0-9.]+.(bytes|[KMG]B) ", found["Database"][0])


def test_it_shows_no_secret(client: Client, settings: Any) -> None:
    shown = client.get("/settings/").content.decode()
    for secret in [*SECRETS, "mail.example", "hunter"]:
        assert secret not in shown


@pytest.mark.parametrize("sign_in", ["write", "all"])
def test_the_configuration_is_for_those_who_may_change_things(client: Client, settings: Any, sign_in: str) -> None:
    settings.SIGN_IN = sign_in
    shown = client.get("/settings/").content.decode()
    assert "Theme" in shown
    for hidden in ("Configuration", "NOTIFY_URLS", "birds", str(settings.STATE_DIR), settings.VERSION):
        assert hidden not in shown
    client.force_login(User.objects.create_user("ada"))
    assert "birds" in client.get("/settings/").content.decode()


def test_the_demo_says_what_it_decides(client: Client, settings: Any) -> None:
    settings.DEMO = True
    assert rows(client)["YouTube API keys"] == ("the simulated YouTube’s", "YT_KEYS", "demo")


def test_it_costs_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    client.force_login(User.objects.create_user("ada"))
    for number in range(50):
        KeyWordEntry.objects.create(keyword=f"keyword {number}", notify="daily")
    # Session, account, incidents, keys, keywords, feed address, tokens, and PostgreSQL's size.
    with django_assert_max_num_queries(8):
        shown = client.get("/settings/").content.decode()
    assert "0 keywords after each fetch, 0 keywords once an hour, 50 keywords once a day." in " ".join(shown.split())


def test_a_test_message_says_which_address_failed(client: Client, settings: Any, inbox: Inbox) -> None:
    settings.NOTIFY_URLS = f"json://127.0.0.1:{inbox.port}/good json://127.0.0.1:{inbox.port}/bad"
    inbox.refused.add("/bad")
    shown = client.post("/settings/notification-test/", follow=True).content.decode()
    assert "Entry 1 of NOTIFY_URLS (json) accepted the test message." in shown
    assert "Entry 2 of NOTIFY_URLS (json) did not accept the test message." in shown
    (message,) = inbox.messages
    assert message["title"] == "Windhover: test message"
    assert Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED).count() == 1


def test_without_addresses_it_says_how_to_be_notified(client: Client, settings: Any) -> None:
    settings.NOTIFY_URLS = ""
    shown = client.get("/settings/").content.decode()
    assert "No one is notified of problems" in shown
    assert "Send test message" not in shown


def test_sending_a_test_message_needs_permission(client: Client, settings: Any, inbox: Inbox) -> None:
    settings.SIGN_IN = "write"
    assert client.post("/settings/notification-test/").url.startswith("/sign-in/")
    assert client.get("/settings/notification-test/").status_code == 405
    assert not inbox.messages


def test_without_sign_in_it_says_what_tokens_are_for(client: Client) -> None:
    assert "Sign-in is off, so there are no accounts here" in client.get("/settings/").content.decode()
