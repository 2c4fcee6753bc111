"""All settings, loaded from different environments."""

import os
import runpy
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from kombu.utils.url import url_to_parts

from config.environment import BASE_DIR
from tests.settings import variables_read

SECRET = "AIzaNobodyMaySeeThis"
EVERYWHERE = "0.0.0.0"  # noqa: S104

Settings = dict[str, Any]


@pytest.fixture
def load_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    """Load the settings from these variables only, with a state folder of their own."""

    def make(**variables: str) -> Settings:
        for name in variables_read():
            monkeypatch.delenv(name, raising=False)
        for name, value in {"STATE_DIR": str(tmp_path / "state"), **variables}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(BASE_DIR / "config" / "settings.py"))

    return make


def test_it_works(load_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = load_settings(YT_KEYS=f"birds={SECRET}", INVIDIOUS_URL="invidious.example", FETCH_INTERVAL="auto")
    assert settings["YT_KEYS"] == [("birds", SECRET)]
    assert settings["INVIDIOUS_URL"] == "https://invidious.example"
    assert settings["YT_SEARCHES_PER_DAY"] == {"": 100}
    assert settings["YT_UNITS_PER_DAY"] == {"": 10_000}
    assert (settings["FETCH_INTERVAL"], settings["DEMO"], settings["DEBUG"]) == (None, False, False)
    assert settings["SIGN_IN"] == "off"
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "state" / "windhover.sqlite3")
    assert all(SECRET in formatter["secrets"] for formatter in settings["LOGGING"]["formatters"].values())


def test_it_is_a_demo_without_a_source(load_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = load_settings(PORT="9000", DATABASE_URL="postgres://kept@db/real")
    assert settings["DEMO"]
    assert settings["YOUTUBE_API_URL"] == "http://127.0.0.1:9001"
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "state" / "demo.sqlite3")
    assert load_settings(YT_KEYS=",")["DEMO"]


def test_invidious_alone_is_a_source(load_settings: Callable[..., Settings]) -> None:
    settings = load_settings(INVIDIOUS_URL="localhost:3000")
    assert (settings["DEMO"], settings["YT_KEYS"]) == (False, [])


def test_it_takes_postgresql(load_settings: Callable[..., Settings]) -> None:
    database = load_settings(YT_KEYS="key", DATABASE_URL="postgres://me@db/windhover")["DATABASES"]["default"]
    assert (database["ENGINE"], database["HOST"]) == ("django.db.backends.postgresql", "db")
    assert "transaction_mode" not in database.get("OPTIONS", {})


def test_a_postgresql_that_does_not_answer_is_given_up(load_settings: Callable[..., Settings]) -> None:
    def options(url: str) -> dict[str, Any]:
        return dict(load_settings(YT_KEYS="key", DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"])

    given = options("postgres://me@db/windhover")
    assert 1 < given["connect_timeout"] <= 30
    assert given["keepalives_idle"] + given["keepalives_interval"] * given["keepalives_count"] <= 60
    assert given["tcp_user_timeout"] <= 60_000
    # What the address says is used.
    assert options("postgres://me@db/windhover?connect_timeout=2") == given | {"connect_timeout": 2}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        chosen = options("postgres://me@db/windhover?connect_timeout=2")
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            psycopg.connect(host="127.0.0.1", port=silent.getsockname()[1], **chosen)


def test_no_lock_is_waited_for_or_kept_for_ever(load_settings: Callable[..., Settings], postgres: str) -> None:
    """What the address says is joined, and overrides."""

    def shown(options: str) -> list[str]:
        url = f"{postgres}?options={quote(options)}"
        database = load_settings(YT_KEYS="key", DATABASE_URL=url)["DATABASES"]["default"]
        names = ["lock_timeout", "idle_in_transaction_session_timeout", "search_path"]
        with psycopg.connect(
            host=database["HOST"], user=database["USER"], dbname=database["NAME"], **database["OPTIONS"]
        ) as connection:
            return [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]  # type: ignore[index]

    assert shown("") == ["20s", "5min", '"$user", public']
    assert shown("-c search_path=other -c lock_timeout=3s") == ["3s", "5min", "other"]


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"REDIS_URL": "redis://broker:6379/1"}, "redis://broker:6379/1"),
        ({"CELERY_BROKER_REDIS_URL": "rediss://broker"}, "rediss://broker"),
        ({"REDIS_HOST": "broker"}, "redis://broker:6379/0"),
        ({"REDIS_HOST": "broker:7000"}, "redis://broker:7000/0"),
        ({"REDIS_HOST": "broker", "REDIS_URL": "unix:///run/redis.sock"}, "redis+socket:///run/redis.sock"),
    ],
)
def test_it_takes_a_broker(load_settings: Callable[..., Settings], variables: dict[str, str], url: str) -> None:
    assert load_settings(**variables)["CELERY_BROKER_URL"] == url


@pytest.mark.parametrize(
    ("variables", "sign_in"),
    [
        ({}, "off"),
        ({"HOST": "::1"}, "off"),
        ({"HOST": EVERYWHERE}, "write"),
        ({"HOST": EVERYWHERE, "SIGN_IN": "all"}, "all"),
        ({"SIGN_IN": "write"}, "write"),
        ({"PUBLIC_URL": "https://example.org"}, "write"),
        ({"PUBLIC_URL": "http://localhost:9000"}, "off"),
        ({"PUBLIC_URL": "https://example.org", "SIGN_IN": "off"}, "off"),
    ],
)
def test_sign_in_decides_who_may_change_things(
    load_settings: Callable[..., Settings], variables: dict[str, str], sign_in: str
) -> None:
    settings = load_settings(**variables)
    assert settings["SIGN_IN"] == sign_in
    everyone_signs_in = "django.contrib.auth.middleware.LoginRequiredMiddleware" in settings["MIDDLEWARE"]
    assert everyone_signs_in == (sign_in == "all")


def test_it_makes_a_secret_key_once(load_settings: Callable[..., Settings], tmp_path: Path) -> None:
    first, second = load_settings()["SECRET_KEY"], load_settings()["SECRET_KEY"]
    assert first == second
    assert len(first) >= 50
    (file,) = (tmp_path / "state").iterdir()
    assert (file.name, file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("secret_key", first, 0o600)
    assert load_settings(SECRET_KEY="mine")["SECRET_KEY"] == "mine"


@pytest.mark.parametrize("content", [b"", b"\n", bytes(67), b"a-key" + bytes(62), b"\xff\xfe"])
def test_a_damaged_secret_key_is_replaced(
    load_settings: Callable[..., Settings], tmp_path: Path, content: bytes
) -> None:
    """A power cut can leave such a file."""
    load_settings()
    (tmp_path / "state" / "secret_key").write_bytes(content)
    first, second = load_settings()["SECRET_KEY"], load_settings()["SECRET_KEY"]
    assert first == second
    assert len(first.strip("\0")) >= 50


def test_webhooks_have_a_secret_of_their_own(load_settings: Callable[..., Settings]) -> None:
    secrets = {load_settings(SECRET_KEY=key)["WEBHOOK_SECRET"] for key in ("one", "one", "other")}
    assert len(secrets) == 2
    assert all(len(secret) == 64 for secret in secrets)
    assert load_settings(WEBHOOK_SECRET="mine")["WEBHOOK_SECRET"] == "mine"


def test_a_tilde_is_the_home_folder(
    load_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text("from a file")
    settings = load_settings(
        STATE_DIR="~/state", YT_KEYS="key", DATABASE_URL="sqlite:///~/a.sqlite3", SECRET_KEY_FILE="~/key"
    )
    assert settings["STATE_DIR"] == tmp_path / "state"
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "a.sqlite3")
    assert settings["SECRET_KEY"] == "from a file"

    (tmp_path / "mine.env").write_text("DEBUG=wrong")
    assert "DEBUG must be" in check(tmp_path, "~/mine.env", HOME=str(tmp_path)).stderr


def test_the_public_address_is_allowed(load_settings: Callable[..., Settings]) -> None:
    settings = load_settings(
        PUBLIC_URL="https://example.org:8443/windhover", ALLOWED_HOSTS="other.example, .sub.example"
    )
    assert settings["ALLOWED_HOSTS"][-3:] == ["example.org", "other.example", ".sub.example"]
    assert settings["CSRF_TRUSTED_ORIGINS"] == [
        "https://example.org:8443",
        "https://other.example",
        "https://*.sub.example",
    ]
    assert load_settings(PUBLIC_URL="http://[2001:db8::1]:81")["ALLOWED_HOSTS"][-1] == "[2001:db8::1]"


@pytest.mark.parametrize(
    ("given", "origins"),
    [("", []), ("https://Example.org:443, http://localhost:5173", ["https://example.org", "http://localhost:5173"])],
)
def test_only_named_origins_are_let_in(load_settings: Callable[..., Settings], given: str, origins: list[str]) -> None:
    settings = load_settings(CORS_ORIGINS=given)
    assert settings["CORS_ALLOWED_ORIGINS"] == origins
    assert ("corsheaders.middleware.CorsMiddleware" in settings["MIDDLEWARE"]) == bool(origins)


def test_each_instance_has_cookies_of_its_own(load_settings: Callable[..., Settings]) -> None:
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "MESSAGES_COOKIE_NAME")
    one, same, other = (load_settings(SECRET_KEY=key, PORT="9000") for key in ("one", "one", "other"))
    assert len({settings[name] for settings in (one, other) for name in names}) == 6
    assert all(one[name] == same[name] for name in names), "its machines share sessions"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("YT_KEYS", f"{SECRET} {SECRET}"),
        ("YT_KEYS_FILE", SECRET),
        ("YT_SEARCHES_PER_DAY", "birds=many"),
        ("YT_UNITS_PER_DAY", "-1"),
        ("YOUTUBE_API_URL", f"https://me:{SECRET}@example.org"),
        ("INVIDIOUS_URL", "gopher://example.org"),
        ("SIMULATOR_URL", "http://"),
        ("FETCH_INTERVAL", "soon"),
        ("PORT", "65535"),
        ("DEBUG", "yes"),
        ("PUBLIC_URL", f"https://me:{SECRET}@example.org"),
        ("PUBLIC_URL", "https://example.org/a b"),
        ("PUBLIC_URL", "https://example.org/a//b"),
        ("PUBLIC_URL", f"https://{'a' * 64}.example"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://example.org/path"),
        ("SIGN_IN", "maybe"),
        ("REDIS_URL", "amqp://broker"),
        ("STATE_DIR", "/dev/null/state"),
        ("STATE_DIR", "/" + "x" * 10_000),
    ],
)
def test_it_refuses_a_wrong_value(load_settings: Callable[..., Settings], name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name) as caught:
        load_settings(**{name: value})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"YT_KEYS": f"good-key,{SECRET} {SECRET}"}, "YT_KEYS: entry 2"),
        ({"YT_KEYS": "key", "DATABASE_URL": f"nonsense://me:{SECRET}@db/name"}, "DATABASE_URL"),
        ({"HOST": EVERYWHERE, "SIGN_IN": "off"}, "SIGN_IN=off"),
        ({"ALLOWED_HOSTS": "*", "SIGN_IN": "off"}, "ALLOWED_HOSTS=* with SIGN_IN=off"),
        ({"DEBUG": "True", "HOST": EVERYWHERE}, "DEBUG=True"),
        ({"DEBUG": "True", "PUBLIC_URL": "https://example.org"}, "DEBUG=True"),
        ({"DEBUG": "True", "ALLOWED_HOSTS": "example.org"}, "DEBUG=True"),
        ({"SECRET_KEY": "", "SECRET_KEY_FILE": SECRET}, "SECRET_KEY_FILE"),
    ],
)  # fmt: skip
def test_a_wrong_value_ends_the_start_with_one_sentence(tmp_path: Path, variables: dict[str, str], named: str) -> None:
    ended = check(tmp_path, os.devnull, **variables)
    assert ended.returncode == 1
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("windhover: ")
    assert named in sentence
    assert SECRET not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("variables", "sign_in"),
    [
        ({}, "off"),
        ({"HOST": "::1", "ALLOWED_HOSTS": "localhost, 127.0.0.2, [::1]"}, "off"),
        ({"PUBLIC_URL": "http://localhost:9000"}, "off"),
        ({"HOST": EVERYWHERE}, "write"),
        ({"PUBLIC_URL": "https://example.org"}, "write"),
        ({"ALLOWED_HOSTS": "example.org"}, "write"),
        ({"ALLOWED_HOSTS": "*"}, "write"),
    ],
)  # fmt: skip
def test_changes_need_an_account_where_others_may_come(
    load_settings: Callable[..., Settings], variables: dict[str, str], sign_in: str
) -> None:
    assert load_settings(**variables)["SIGN_IN"] == sign_in


def test_debugging_on_this_machine_is_fine(load_settings: Callable[..., Settings]) -> None:
    assert load_settings(DEBUG="True", HOST="::1", ALLOWED_HOSTS="localhost")["DEBUG"]
    assert load_settings(ALLOWED_HOSTS="*", SIGN_IN="write")["SIGN_IN"] == "write"


def test_a_command_before_the_first_start_makes_private_files(tmp_path: Path) -> None:
    own = {"PATH": os.environ["PATH"], "WINDHOVER_ENV_FILE": os.devnull, "STATE_DIR": str(tmp_path / "state")}
    command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(command, cwd=BASE_DIR, env=own, check=True, umask=0o022)
    created = [tmp_path / "state", *(tmp_path / "state").rglob("*")]
    assert "demo.sqlite3" in [file.name for file in created]
    assert not any(file.stat().st_mode & 0o077 for file in created)


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=wrong, but not read\nDEBUG=wrong\n")
    ended = check(tmp_path, str(tmp_path / ".env"), PORT="8000")
    assert "windhover: DEBUG must be True or False, not 'wrong'." in ended.stderr


def test_a_file_may_be_saved_by_any_editor(load_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """With a byte order mark, and line ends as on Windows."""
    (tmp_path / ".env").write_bytes("\ufeffDEBUG=wrong\r\nPORT=8000\r\n".encode())
    assert "windhover: DEBUG must be True or False, not 'wrong'." in check(tmp_path, str(tmp_path / ".env")).stderr
    (tmp_path / "key").write_bytes("\ufeffa-key\r\n".encode())
    assert load_settings(YT_KEYS_FILE=str(tmp_path / "key"))["YT_KEYS"] == [("", "a-key")]


def test_a_file_that_is_not_text_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SECRET_KEY=\xff")
    ended = check(tmp_path, str(tmp_path / ".env"))
    assert (ended.returncode, ended.stderr) == (1, f"windhover: {tmp_path}/.env is not a text file in UTF-8.\n")


def check(state_dir: Path, env_file: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` with these variables only."""
    own = {"PATH": os.environ["PATH"], "WINDHOVER_ENV_FILE": env_file, "STATE_DIR": str(state_dir), "SECRET_KEY": "x"}
    return subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=BASE_DIR, env=own | variables, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", ["what?", "no #1", "100%41", "a b+c", "x" * 200, "鳥" * 12])
def test_a_state_folder_may_have_any_name(load_settings: Callable[..., Settings], tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    settings = load_settings(STATE_DIR=str(folder))
    assert settings["DATABASES"]["default"]["NAME"] == str(folder / "demo.sqlite3")
    # Celery reads the folder back from the address.
    socket_path = settings["broker_socket"]()
    assert url_to_parts(settings["CELERY_BROKER_URL"]).path == str(socket_path)[1:]
    assert len(os.fsencode(socket_path)) < 108, "the kernel's limit"
