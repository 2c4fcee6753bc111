"""Keep secrets out of logs, and what a terminal would obey."""

import logging
import re
from collections.abc import Iterable
from typing import Any

HIDDEN = "[hidden]"

# The key parameter of a URL, the form of Google's keys, Google's key header, and the token of a private feed's address.
_PATTERNS = re.compile(
    r"(?<=[?&]key=)[^&\s\"'<>]+|AIza[0-9A-Za-z_-]{35}|(?<=goog-api-key: )\S+|(?<=/api/private/)[^/\s\"'<>]+",
    re.IGNORECASE,
)

# What would end a line, so that a request could write one of its own; and what a terminal takes for commands.
_BREAKS = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
_CONTROLS = re.compile("[^\n\t\x20-\x7e\xa0-\U0010ffff]")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with API keys and each of `secrets` hidden."""
    text = _PATTERNS.sub(HIDDEN, text)
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def long_enough(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return `secrets` without short ones: a few letters would hide half of each line, and no real key is so short."""
    return tuple(secret for secret in secrets if len(secret) >= 6)


def escape_controls(text: str) -> str:
    """Return `text` with control characters other than line feeds and tabs as \\u001b, which JSON reads, too."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class RedactingFormatter(logging.Formatter):
    """Format log records, including tracebacks, with the given secrets hidden.

    A record is one line, and its traceback, whatever is in its message.
    """

    def __init__(self, *args: Any, secrets: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secrets = long_enough(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(redact(super().format(record), self.secrets))

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _BREAKS.sub(" ", super().formatMessage(record)).strip()
