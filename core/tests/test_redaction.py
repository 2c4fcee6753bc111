"""Log lines contain no secret, and nothing that ends a line or that a terminal obeys."""

import logging
import sys
import unicodedata

import pytest

from core.json_lines import JSONFormatter
from core.redaction import HIDDEN, RedactingFormatter, redact
from core.tests.conftest import KEY


def test_it_works() -> None:
    address = f"https://youtube.googleapis.com/youtube/v3/search?part=snippet&key={KEY}&q=kestrel"
    assert redact(address) == f"https://youtube.googleapis.com/youtube/v3/search?part=snippet&key={HIDDEN}&q=kestrel"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("?key=short", f"?key={HIDDEN}"),
        ("?q=a&KEY=Short%2B1&alt=json", f"?q=a&KEY={HIDDEN}&alt=json"),
        ('"http://h/?key=abc"', f'"http://h/?key={HIDDEN}"'),
        (f"Consumer 'api_key:{KEY}' has been suspended", f"Consumer 'api_key:{HIDDEN}' has been suspended"),
        (f"X-Goog-Api-Key: {KEY}\r\nAccept: x", f"X-Goog-Api-Key: {HIDDEN}\r\nAccept: x"),
        ("x-goog-api-key: other", f"x-goog-api-key: {HIDDEN}"),
        (f"{KEY},{KEY}", f"{HIDDEN},{HIDDEN}"),
        ("a monkey=1 and the key to it", "a monkey=1 and the key to it"),
        ("", ""),
    ],
)
def test_it_hides_what_looks_like_a_key(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_it_hides_known_secrets() -> None:
    assert redact("one demo-key and another-secret", ["demo-key", "another-secret"]) == f"one {HIDDEN} and {HIDDEN}"


def written(formatter: logging.Formatter, message: str, *args: object) -> str:
    """Return what is logged in an `except` block for an error that contains a key and a secret."""
    try:
        raise ValueError(f"asked http://h/?key={KEY} with open-sesame")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, message, args, sys.exc_info())
    return formatter.format(record)


def test_it_hides_secrets_in_tracebacks() -> None:
    formatter = RedactingFormatter("{levelname} {message}", style="{", secrets=["open-sesame"])
    logged = written(formatter, "said %s and %s", "open-sesame", KEY)
    assert logged.startswith(f"ERROR said {HIDDEN} and {HIDDEN}\nTraceback (most recent call last):\n")
    assert logged.endswith(f"ValueError: asked http://h/?key={HIDDEN} with {HIDDEN}")


def test_it_leaves_short_secrets_alone() -> None:
    logged = written(RedactingFormatter("{message}", style="{", secrets=["", "e", "asked"]), "message")
    assert logged.startswith("message\nTraceback")
    assert "asked http" in logged


CONTROLS = [character for character in map(chr, range(0x3000)) if unicodedata.category(character) in ("Cc", "Zl", "Zp")]


@pytest.mark.parametrize("formatter", [RedactingFormatter("{message}", style="{"), JSONFormatter()])
def test_a_message_is_one_line_without_control_characters(formatter: logging.Formatter) -> None:
    for control in CONTROLS:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "not %s", (f"a{control}b",), None)
        line = formatter.format(record)
        assert len(line.split("\n")) == 1
        assert not any(unicodedata.category(character) == "Cc" for character in line), line


def test_a_traceback_has_no_control_characters_but_its_line_feeds() -> None:
    try:
        raise ValueError("\x1b[2J\x9b")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "message", (), sys.exc_info())
    assert RedactingFormatter().format(record).endswith("ValueError: \\u001b[2J\\u009b")
