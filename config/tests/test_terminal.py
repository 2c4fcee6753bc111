"""What bin/run shows: text for people, or JSON objects."""

import json
from typing import Any

import pytest

from config import terminal


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


def test_json_gets_the_name_of_its_part(shown: Any) -> None:
    assert shown("web", '{"time": "t", "message": "m"}') == {"part": "web", "time": "t", "message": "m"}


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "{curly}", '{"a": 1', ""])
def test_what_is_not_json_becomes_a_message(shown: Any, line: str) -> None:
    found = shown("broker", line)
    assert (found["part"], found["message"]) == ("broker", line)
    assert found.keys() == {"part", "time", "message"}
