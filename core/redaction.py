"""Keep secrets out of logs."""

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


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with API keys and each of `secrets` hidden."""
    text = _PATTERNS.sub(HIDDEN, text)
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def long_enough(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return `secrets` without short ones: a few letters would hide half of each line, and no real key is so short."""
    return tuple(secret for secret in secrets if len(secret) >= 6)


class RedactingFormatter(logging.Formatter):
    """Format log records, including tracebacks, with the given secrets hidden."""

    def __init__(self, *args: Any, secrets: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secrets = long_enough(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), self.secrets)
