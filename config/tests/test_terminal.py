"""What bin/run shows: text for people, or JSON objects."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import manage
from config import terminal
from config.environment import BASE_DIR


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr(terminal, "log_format", "json")

    def show(part: str, line: str) -> dict[str, Any]:
        terminal.show(part, line)
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return show


def test_it_works(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("stopped")
    terminal.show("web", '{"message": "m"}')
    assert capsys.readouterr().out == 'windhover: stopped\nweb       | {"message": "m"}\n'


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("log_format", ["plain", "json"])
def test_a_terminal_of_any_encoding_shows_any_text(
    monkeypatch: pytest.MonkeyPatch, encoding: str, log_format: str
) -> None:
    """Else supervisor would read no more of the part's output, and the part would wait for that when it has written
    much."""
    written = io.BytesIO()
    monkeypatch.setattr(terminal, "log_format", log_format)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    terminal.write_any_text()
    terminal.say("“鳥”")
    terminal.show("worker", json.dumps({"message": "“鳥” \ud800"}))
    terminal.show("worker", '{"a":' * 100_000)
    assert written.getvalue().count(b"\n") == 3


def test_a_command_writes_any_text(tmp_path: Path) -> None:
    own = {"PATH": os.environ["PATH"], "WINDHOVER_ENV_FILE": os.devnull, "STATE_DIR": str(tmp_path)}
    own |= {"PYTHONIOENCODING": "latin-1", "WEBHOOK_SECRET": "“鳥”"}
    command = [sys.executable, "manage.py", "notify", "--webhook-secret"]
    shown = subprocess.run(command, cwd=BASE_DIR, env=own, capture_output=True)
    assert (shown.returncode, shown.stdout) == (0, rb"\u201c\u9ce5\u201d" + b"\n"), shown.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", ["token revoke \udcff", "token add name --user \udcff", "feed_address \udcff"])
def test_an_argument_that_is_not_text(monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", *arguments.split()])
    with pytest.raises(SystemExit, match=r"^windhover: '\\udcff' is not text in UTF-8\.$"):
        manage.main()


def test_json_gets_the_name_of_its_part(shown: Any) -> None:
    assert shown("web", '{"time": "t", "message": "m"}') == {"part": "web", "time": "t", "message": "m"}


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "{curly}", '{"a": 1', ""])
def test_what_is_not_json_becomes_a_message(shown: Any, line: str) -> None:
    found = shown("broker", line)
    assert (found["part"], found["message"]) == ("broker", line)
    assert found.keys() == {"part", "time", "message"}
