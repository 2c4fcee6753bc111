"""What bin/run writes to the terminal: its own messages and the output of the parts, as text or as JSON."""

import json
import sys
import time
from contextlib import suppress

from core.json_lines import json_time
from core.redaction import escape_controls

# As LOG_FORMAT says, once it is known: a wrong setting is reported as text.
log_format = "plain"


def write_any_text() -> None:
    """Let what is written to the terminal, or to a file in its place, contain any characters from now on: those that
    its encoding lacks are written as escapes, and are no error."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def not_text(argument: str) -> bool:
    """Return whether an argument of a command has bytes that are not UTF-8, which are surrogates in Python."""
    return any("\ud800" <= character <= "\udfff" for character in argument)


def say(sentence: str) -> None:
    """Write a message of bin/run itself."""
    _write(f"windhover: {sentence}" if log_format == "plain" else _as_json("windhover", sentence))


def show(part: str, line: str) -> None:
    """Write a line that `part` has written."""
    _write(f"{part:9} | {line}" if log_format == "plain" else _as_json(part, line))


def _as_json(part: str, line: str) -> str:
    """Return a JSON object with the name of the part: the one in `line`, or a new one that has it as the message.

    The broker, the simulator, and a process that crashes do not write JSON.
    """
    values = {"time": json_time(time.time()), "message": line}
    if line.startswith("{"):
        with suppress(ValueError, TypeError, RecursionError):
            values = dict(json.loads(line))
    return json.dumps({"part": part} | values, ensure_ascii=False)


def _write(line: str) -> None:
    with suppress(OSError):  # the terminal was closed; the log files have everything
        sys.stdout.write(f"{escape_controls(line)}\n")
        sys.stdout.flush()
