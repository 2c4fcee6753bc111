"""Nonsense in any variable of example.env ends the start with one sentence that names it, or is harmless."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

from apps.incidents import notify
from config.environment import BASE_DIR
from config.prepare import make_first_account
from config.state import CannotStart

SECRET = "AIzaNobodyMaySeeThis"
VARIABLES = list(dotenv_values(BASE_DIR / "example.env"))
NONSENSE = [
    "", " ", ",", "x" * 10_000, "\xe9\u2603", "\x07", "\udcff", "x\ny", "a b", "-1", "0", "9" * 30, "1.5", "=", "[",
    "::", "..", "/dev/null/x", "foo://", "http://[", f"https://me:{SECRET}@x:99999", f"redis://:{SECRET}@h/x",
    "postgres://h",
]  # fmt: skip
SETTINGS = compile((BASE_DIR / "config" / "settings.py").read_text(), "settings.py", "exec")

Start = Callable[..., dict[str, Any]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Load the settings with one variable besides those that a start needs."""

    def start(name: str, value: str) -> dict[str, Any]:
        for variable in VARIABLES:
            os.environ.pop(variable, None)
        # The simulator's address is used without a source only.
        source = {} if name == "SIMULATOR_URL" else {"YT_KEYS": "key"}
        os.environ.update({"STATE_DIR": str(tmp_path / "state"), "SECRET_KEY": "x", **source, name: value})
        loaded: dict[str, Any] = {"__name__": "settings", "__file__": str(BASE_DIR / "config" / "settings.py")}
        exec(SETTINGS, loaded)  # noqa: S102
        return loaded

    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")  # which restores it afterwards
    return start


@pytest.mark.parametrize("name", VARIABLES)
def test_nonsense_is_refused_in_one_sentence_or_harmless(start: Start, name: str) -> None:
    for value in NONSENSE:
        try:
            start(name, value)
        except ImproperlyConfigured as error:
            message = str(error)
            assert message.startswith(name), (value, message)
            assert message.endswith(".")
            assert "\n" not in message
            assert SECRET not in message
            assert value.strip(), "an empty variable is the default"


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "REDIS_URL": ["redis://[", "redis://h:99999", "redis://", "redis://h/x", "redis://a b", "redis://:p#p@h", "foo://h",
                      "unix://", "redis+socket:///" + "x" * 108, f"redis://:{SECRET}@h/0?timeout=3",
                      f"rediss://:{SECRET}@h/0?ssl_cert_reqs=yes"],
        "CELERY_BROKER_REDIS_URL": ["redis://[", "amqp://h"],
        "CELERY_RESULT_BACKEND_REDIS_URL": ["foo://", "foo", "redis://h:0"],
        "REDIS_HOST": ["a b", "h:x", "redis://h", "h:99999", "h/1", "-"],
        "DATABASE_URL": ["mysql://x/y", "postgres://h", "postgres://h:99999/x", "sqlite://", "sqlite:////nope/x.db",
                         "sqlite:////tmp", "x", f"oracle://me:{SECRET}@h/x", f"postgres://me:{SECRET}@h..example/x"],
        "ALLOWED_HOSTS": ["http://x", "x:8000", "x/y", "a b", "a_b", "::1", "*.example.org", "1.2", "x." + "a" * 64],
        "PUBLIC_URL": ["https://x/../y", "https://x/./y", "https://a_b", "https://1.2", "https://x/" + "a" * 500,
                       "https:/example.org"],
        "STATE_DIR": ["~nobody-has-this-name/windhover"],
        "HOST": ["a b", "x/y", "http://x", "x:80", "0", "999.0.0.1", "x" * 300],
        "INVIDIOUS_URL": ["https://x/\xe9", "https://x/a/../b", "https://x/%2e%2e/b", "https://x;y", "x\ny"],
        "YT_SEARCHES_PER_DAY": ["1000000001", "birds=9999999999"],
    }.items(),
)  # fmt: skip
def test_what_no_part_could_use_is_refused(start: Start, name: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(ImproperlyConfigured, match=f"^{name} ") as refused:
            start(name, value)
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "setting", "expected"),
    [
        ("REDIS_URL", "rediss://me:p%23p@[::1]:7000/5?ssl_cert_reqs=required", "CELERY_BROKER_URL", None),
        ("REDIS_URL", "unix:///run/redis.sock", "CELERY_BROKER_URL", "redis+socket:///run/redis.sock"),
        ("REDIS_HOST", "[::1]:7000", "CELERY_BROKER_URL", "redis://[::1]:7000/0"),
        ("HOST", "::1", "HOST", "::1"),
        ("HOST", "fe80::1%eth0", "HOST", "fe80::1%eth0"),
        ("INVIDIOUS_URL", "http://invidious_1:3000/a/", "INVIDIOUS_URL", "http://invidious_1:3000/a"),
        ("PUBLIC_URL", "https://M\xfcller.example:443/a", "PUBLIC_URL", "https://xn--mller-kva.example/a"),
    ],
)
def test_what_is_unusual_but_right_is_accepted(
    start: Start, name: str, value: str, setting: str, expected: str | None
) -> None:
    assert start(name, value)[setting] == (expected or value)


def test_host_names_are_allowed_as_browsers_send_them(start: Start) -> None:
    allowed = start("ALLOWED_HOSTS", "M\xfcller.example, .Example.org, [::1], *")["ALLOWED_HOSTS"]
    assert allowed[3:] == ["xn--mller-kva.example", ".example.org", "[::1]", "*"]


def test_relative_paths_begin_at_one_folder(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of Windhover run in the state folder."""
    monkeypatch.chdir(tmp_path)
    assert start("STATE_DIR", "state")["STATE_DIR"] == BASE_DIR / "state"
    file = start("DATABASE_URL", "sqlite:///mine.sqlite3")["DATABASES"]["default"]["NAME"]
    assert file == str(BASE_DIR / "mine.sqlite3")


def test_nonsense_in_notify_urls(settings: Any) -> None:
    for value in filter(str.strip, NONSENSE):
        settings.NOTIFY_URLS = value.strip()
        with pytest.raises(ImproperlyConfigured, match=r"^NOTIFY_URLS: .*\.$") as refused:
            notify.check()
        assert SECRET not in str(refused.value)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["x" * 151, "a b", "a/b"])
def test_a_first_account_that_could_not_sign_in(name: str) -> None:
    with pytest.raises(CannotStart, match=r"^DJANGO_SUPERUSER_USERNAME: "):
        make_first_account(name, "a-long-password")
