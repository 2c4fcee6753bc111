"""Log lines as JSON objects, for programs that collect logs."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from core.redaction import RedactingFormatter, escape_controls, redact


class JSONFormatter(RedactingFormatter):
    """Format each log record as a JSON object in one line, with the given secrets hidden.

    It has `time`, `level`, `logger` and `message`; in a fetch also `fetch`, and with an error `traceback`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": json_time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": self._hidden(record.getMessage()),
        }
        if (fetch_id := getattr(record, "fetch_id", None)) is not None:
            line["fetch"] = fetch_id
        if record.exc_info:
            line["traceback"] = self._hidden(self.formatException(record.exc_info))
        return escape_controls(json.dumps(line, ensure_ascii=False))

    def _hidden(self, text: str) -> str:
        """Hide secrets before the text is encoded: JSON writes one with a quote differently."""
        return redact(text, self.secrets)


def json_time(seconds: float) -> str:
    """Return seconds since 1970 in the form 2026-11-27T08:00:00.000+00:00."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
