"""With LOG_FORMAT=json each log line is a JSON object, without secrets."""

import json
import logging
import sys
from typing import Any

from core.json_lines import JSONFormatter
from core.log_lines import FetchFilter, in_fetch
from core.redaction import HIDDEN

SECRET = 'ope"n-sésame'


def written(message: str, *args: object, error: Exception | None = None) -> dict[str, Any]:
    record = logging.LogRecord("apps.x", logging.ERROR, __file__, 1, message, args, None)
    record.created = 1_795_680_000.25
    if error:
        try:
            raise error
        except Exception:
            record.exc_info = sys.exc_info()
    FetchFilter().filter(record)
    line = JSONFormatter(secrets=[SECRET]).format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_it_works() -> None:
    assert written("two\nlines of %s", "日本") == {
        "time": "2026-11-26T08:00:00.250+00:00",
        "level": "ERROR",
        "logger": "apps.x",
        "message": "two\nlines of 日本",
    }


def test_it_names_the_fetch() -> None:
    with in_fetch(12):
        assert written("stored")["fetch"] == 12
    assert "fetch" not in written("stored")


def test_it_hides_secrets_that_json_writes_differently() -> None:
    line = written("said %s", SECRET, error=ValueError(f"asked http://h/?key=abc with {SECRET}"))
    assert line["message"] == f"said {HIDDEN}"
    assert line["traceback"].startswith("Traceback (most recent call last):\n")
    assert line["traceback"].endswith(f"ValueError: asked http://h/?key={HIDDEN} with {HIDDEN}")
