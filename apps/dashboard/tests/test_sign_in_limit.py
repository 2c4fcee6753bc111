"""Guessing passwords is slowed, and logged."""

import errno
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache, caches
from django.core.cache.backends.filebased import FileBasedCache
from django.test import Client

from apps.dashboard.sign_in import FAILURES, count, one_at_a_time, store

pytestmark = pytest.mark.django_db

ACCOUNT = {"username": "ada", "password": "kestrel-on-the-wind"}
PAGES = ["/sign-in/", "/admin/login/"]


@pytest.fixture(autouse=True)
def no_failures(settings: Any, django_user_model: Any) -> None:
    settings.SIGN_IN = "write"
    cache.clear()
    caches["memory"].clear()
    django_user_model.objects.create_superuser(**ACCOUNT)


def fail(client: Client, page: str, times: int = FAILURES, **headers: str) -> None:
    for number in range(times):
        response = client.post(page, {"username": f"guess {number}", "password": "wrong"}, **headers)
        assert response.status_code == 200


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("other", PAGES)
def test_an_address_waits_after_ten_failures(client: Client, page: str, other: str) -> None:
    with time_machine.travel("2026-11-22 12:00Z", tick=False) as clock:
        fail(client, page)
        refused = client.post(other, ACCOUNT)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "600"
        assert "Wait 10 minutes" in refused.content.decode()
        assert client.get(other).status_code == 200
        assert client.get("/").status_code == 200

        clock.shift(601)
        assert client.post(other, ACCOUNT).status_code == 302


def test_a_clock_that_is_set_back_locks_no_one_out(client: Client) -> None:
    with time_machine.travel("2027-11-22 12:00Z") as clock:
        fail(client, "/sign-in/")
        assert client.post("/sign-in/", ACCOUNT).status_code == 429
        clock.move_to("2026-11-22 12:00Z")
        assert client.post("/sign-in/", ACCOUNT).status_code == 302


def test_a_full_disk_does_not_end_the_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FileBasedCache, "set", full)
    fail(client, "/sign-in/")
    assert client.post("/sign-in/", ACCOUNT).status_code == 429


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"cno.such\nThing\n.", b"\x80\x05K\x00.x", b"\x80\x05N.", b"x"])
def test_damaged_files_end_no_sign_in(client: Client, settings: Any, content: bytes) -> None:
    fail(client, "/sign-in/", 1)
    for file in (settings.STATE_DIR / "cache").glob("*.djcache"):
        file.write_bytes(content)
    fail(client, "/sign-in/")
    assert client.post("/sign-in/", ACCOUNT).status_code == 429


def test_fewer_failures_do_not_matter(client: Client) -> None:
    fail(client, "/sign-in/", FAILURES - 1)
    assert client.post("/sign-in/", ACCOUNT).status_code == 302


def test_ten_attempts_at_once_are_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt begins while the password of the one before it is being checked."""
    begun, statuses = [], []

    def check(self: ModelBackend, request: Any, **credentials: Any) -> None:
        begun.append(credentials)
        if len(begun) < 3 * FAILURES:
            statuses.append(Client().post("/sign-in/", ACCOUNT).status_code)

    monkeypatch.setattr(ModelBackend, "authenticate", check)
    assert Client().post("/sign-in/", ACCOUNT).status_code == 200
    assert len(begun) == FAILURES
    assert sorted(statuses) == [200] * (FAILURES - 1) + [429]


def test_one_thread_counts_at_a_time() -> None:
    def count_one(_: int) -> None:
        with one_at_a_time():
            store("key", count("key") + 1)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(count_one, range(160)))
    assert count("key") == 160


def test_signing_in_is_no_failure(client: Client) -> None:
    fail(client, "/sign-in/", FAILURES - 1)
    for _ in range(3):
        assert Client().post("/sign-in/", ACCOUNT).status_code == 302
        assert client.post("/sign-in/", {"username": "ada"}).status_code == 200, "a form without a password"
    fail(client, "/sign-in/", 1)
    assert client.post("/sign-in/", ACCOUNT).status_code == 429


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        ("203.0.113.5", "203.0.113.6", False),
        ("2001:db8::1", "2001:db8::2:1", True),  # in the same /64
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "203.0.113.6", False),
    ],
)
def test_others_may_still_sign_in(client: Client, one: str, other: str, refused: bool) -> None:
    fail(client, "/sign-in/", REMOTE_ADDR=one)
    assert client.post("/sign-in/", ACCOUNT, REMOTE_ADDR=other).status_code == (429 if refused else 302)


def test_each_failure_is_a_line_for_fail2ban(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "apps.dashboard.sign_in"):
        client.post("/sign-in/", {"username": "x\nSign-in failed from 1.2.3.4", "password": "hunter2"})
        assert caplog.messages == [r"Sign-in failed from 127.0.0.1 for 'x\nSign-in failed from 1.2.3.4'"]
        fail(client, "/sign-in/", FAILURES - 1)
        client.post("/sign-in/", ACCOUNT)
    assert "Sign-in refused from 127.0.0.1: too many failures" in caplog.messages
    assert "hunter2" not in caplog.text


def test_the_documented_filter_finds_the_lines(settings: Any) -> None:
    page = (settings.BASE_DIR / "docs" / "reverse-proxy.md").read_text()
    (pattern,) = re.findall(r"^failregex = (.*)$", page, re.MULTILINE)
    failregex = re.compile(pattern.replace("<HOST>", r"(?P<host>[\w.:]+)"))
    # Without the date, which fail2ban removes.
    for line in (
        " WARNING apps.dashboard.sign_in Sign-in failed from 2001:db8::1 for 'x from 1.2.3.4'",
        " WARNING apps.dashboard.sign_in Sign-in refused from 2001:db8::1: too many failures",
        " WARNING apps.videos.access Sign-in failed from 2001:db8::1 with a token",
    ):
        found = failregex.search(line)
        assert found
        assert found["host"].rstrip(":") == "2001:db8::1"
    invented = " WARNING django.request Not Found: /WARNING apps.x Sign-in failed from 1.2.3.4"
    assert not failregex.search(invented)


def test_a_wrong_token_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        response = client.get("/api/keywords/", headers={"Authorization": "Token guessed"})
    assert response.status_code == 401
    assert "Sign-in failed from 127.0.0.1 with a token" in caplog.messages
    assert "guessed" not in caplog.text
