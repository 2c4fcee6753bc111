"""Each function that reads the environment: the values it accepts and refuses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment as env

SECRET = "AIzaNobodyMaySeeThis"


@pytest.fixture
def set_variable(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Set the variable THING, or unset it."""

    def set_thing(value: str | None) -> None:
        if value is None:
            monkeypatch.delenv("THING", raising=False)
        else:
            monkeypatch.setenv("THING", value)

    return set_thing


READ: dict[str, Callable[[], Any]] = {
    "text": lambda: env.text("THING", "default"),
    "boolean": lambda: env.boolean("THING", True),
    "integer": lambda: env.integer("THING", 5, minimum=1, maximum=100),
    "choice": lambda: env.choice("THING", "off", ("off", "write")),
    "words": lambda: env.words("THING", "a,b"),
    "web_address": lambda: env.web_address("THING"),
    "seconds_or_auto": lambda: env.seconds_or_auto("THING", maximum=3600),
    "youtube_keys": lambda: env.youtube_keys("THING"),
    "per_project": lambda: env.per_project("THING", 100),
}


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        ("text", None, "default"),
        ("text", "  ", "default"),
        ("text", " a b ", "a b"),
        ("boolean", None, True),
        ("boolean", "", True),
        ("boolean", "False", False),
        ("boolean", "TRUE", True),
        ("boolean", " false ", False),
        ("integer", None, 5),
        ("integer", "1", 1),
        ("integer", "0100", 100),
        ("choice", None, "off"),
        ("choice", "Write", "write"),
        ("words", None, ["a", "b"]),
        ("words", " x , ,y,", ["x", "y"]),
        ("words", ",", []),
        ("web_address", None, ""),
        ("web_address", "https://example.org/", "https://example.org"),
        ("web_address", "https://example.org/base/", "https://example.org/base"),
        ("web_address", "example.org", "https://example.org"),
        ("web_address", "example.org:3000", "https://example.org:3000"),
        ("web_address", "localhost:3000", "http://localhost:3000"),
        ("web_address", "127.0.0.1", "http://127.0.0.1"),
        ("web_address", "[::1]:3000", "http://[::1]:3000"),
        ("seconds_or_auto", None, None),
        ("seconds_or_auto", "Auto", None),
        ("seconds_or_auto", "15", 15),
        ("youtube_keys", None, []),
        ("youtube_keys", " one , birds=two ,birds = three,", [("", "one"), ("birds", "two"), ("birds", "three")]),
        ("youtube_keys", "a=b=key", [("a=b", "key")]),
        ("per_project", None, {"": 100}),
        ("per_project", "50", {"": 50}),
        ("per_project", "birds=200, cats = 0", {"": 100, "birds": 200, "cats": 0}),
        ("per_project", "50,birds=200", {"": 50, "birds": 200}),
    ],
)
def test_it_works(set_variable: Callable[[str | None], None], reader: str, value: str | None, expected: Any) -> None:
    set_variable(value)
    assert READ[reader]() == expected


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("boolean", "yes"),
        ("boolean", "1"),
        ("integer", "0"),
        ("integer", "101"),
        ("integer", "-1"),
        ("integer", "1.5"),
        ("integer", "٣"),
        ("integer", "9" * 5000),
        ("choice", "on"),
        ("web_address", "ftp://example.org"),
        ("web_address", "https://"),
        ("web_address", "/"),
        ("web_address", "https://example.org:0"),
        ("web_address", "https://example.org:http"),
        ("web_address", "https://example.org:70000"),
        ("web_address", "https://example.org/?key=" + SECRET),
        ("web_address", "https://example.org/#top"),
        ("web_address", f"https://me:{SECRET}@example.org"),
        ("web_address", "https://exam ple.org"),
        ("web_address", "[::1"),
        ("web_address", "https://[::1"),
        ("seconds_or_auto", "soon"),
        ("seconds_or_auto", "0"),
        ("seconds_or_auto", "3601"),
        ("youtube_keys", f"{SECRET} {SECRET}"),
        ("youtube_keys", f"{SECRET}é"),
        ("youtube_keys", f"{SECRET}\x07"),
        ("youtube_keys", f"{SECRET},{SECRET}"),
        ("youtube_keys", f"birds={SECRET},cats={SECRET}"),
        ("youtube_keys", f"{SECRET}="),
        ("youtube_keys", SECRET * 11),
        ("youtube_keys", "p" * 101 + "=" + SECRET),
        ("per_project", "many"),
        ("per_project", "birds=-1"),
        ("per_project", "birds="),
    ],
)
def test_it_refuses_a_wrong_value(set_variable: Callable[[str | None], None], reader: str, value: str) -> None:
    set_variable(value)
    with pytest.raises(ImproperlyConfigured, match="THING") as caught:
        READ[reader]()
    assert SECRET not in repr(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


def test_it_counts_the_keys_it_refuses(set_variable: Callable[[str | None], None]) -> None:
    set_variable(f"good,birds=better,{SECRET} x")
    with pytest.raises(ImproperlyConfigured, match="THING: entry 3 is not a key"):
        env.youtube_keys("THING")


def test_it_reads_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f" birds={SECRET}\n")
    monkeypatch.setenv("THING_FILE", str(file))
    assert env.youtube_keys("THING") == [("birds", SECRET)]
    monkeypatch.setenv("THING", "")
    assert env.text("THING") == f"birds={SECRET}", "an empty variable counts as unset"
    monkeypatch.setenv("THING", "nearer")
    assert env.text("THING") == "nearer"


def test_it_refuses_a_file_it_cannot_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    # The secret itself, by mistake, is not repeated.
    for value, why in [(SECRET, "No such file"), (str(tmp_path), "directory"), (str(binary), "not a text file")]:
        monkeypatch.setenv("THING_FILE", value)
        with pytest.raises(ImproperlyConfigured, match=f"THING_FILE .*{why}") as caught:
            env.text("THING")
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("bypassed", "expected"),
    [
        ("", "localhost,127.0.0.1,::1"),
        ("example.org,localhost", "example.org,localhost,127.0.0.1,::1"),
        ("*", "*"),
    ],
)
def test_other_libraries_ask_this_machine_directly(bypassed: str, expected: str) -> None:
    own = {"PATH": os.environ["PATH"], "NO_PROXY": bypassed, "WINDHOVER_ENV_FILE": os.devnull}
    script = "import os, config.environment; print(os.environ.get('no_proxy', os.environ['NO_PROXY']))"
    done = subprocess.run([sys.executable, "-c", script], cwd=env.BASE_DIR, env=own, capture_output=True, text=True)
    assert done.stdout == f"{expected}\n"


@pytest.mark.parametrize(
    "proxy", ["https://me:{}@proxy", "quic://{}", "http://proxy:{}", "http://{} proxy", "socks5://:0"]
)
def test_a_proxy_that_no_library_can_use_is_refused(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy.format(SECRET))
    monkeypatch.setenv("no_proxy", "excepted.test")
    with pytest.raises(ImproperlyConfigured, match="HTTPS_PROXY") as caught:
        env.check_proxy("https://source.test")
    assert SECRET not in str(caught.value)
    env.check_proxy("https://excepted.test")
    env.check_proxy("http://source.test")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"THING": "a"}, "environment"),
        ({"THING": " "}, "default"),
        ({}, "default"),
        ({"THING_FILE": os.devnull}, "THING_FILE"),
        ({"FROM_FILE": "1"}, ".env"),
        ({"FROM_FILE": "2"}, "environment"),
    ],
)
def test_it_knows_where_a_value_comes_from(tmp_path: Path, variables: dict[str, str], expected: str) -> None:
    """Also in a process that inherits what another one has read from .env."""
    (tmp_path / ".env").write_text("FROM_FILE=1\n")
    name = "FROM_FILE" if "FROM_FILE" in variables else "THING"
    program = f"from config import environment as env; env.text('{name}'); print(env.sources['{name}'])"
    environment = {**os.environ, "WINDHOVER_ENV_FILE": str(tmp_path / ".env"), **variables}
    found = subprocess.run([sys.executable, "-c", program], env=environment, text=True, capture_output=True, check=True)
    assert found.stdout.strip() == expected
