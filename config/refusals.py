"""Requests that the web server itself refuses, before Windhover sees them: answered in JSON, never by a 5xx."""

import json
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.task import ErrorTask
from waitress.utilities import Error

# How long the head and body of a request may take, and how long a connection may be idle.
RECEIVE_SECONDS = 60


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Count what waitress does not expect as an invalid request, too: it would close the connection silently."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except (
            ValueError,
            TransferEncodingNotImplemented,
        ) as error:  # an invalid address, or a number too long to read
            raise ParsingError(str(error)) from error


class Refusal(ErrorTask):  # type: ignore[misc]
    def execute(self) -> None:
        self.request.error = JSONError(self.request.error)
        super().execute()


class JSONError:
    """An error of waitress that is shown as those of the REST API."""

    def __init__(self, error: Error) -> None:
        self.error = error

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        body = json.dumps({"detail": f"{self.error.reason}: {self.error.body}"}).encode()
        return f"{self.error.code} {self.error.reason}", [("Content-Type", "application/json")], body


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that uses Parser and Refusal, and is closed if no complete request arrives in time."""

    parser_class: Any = Parser
    error_task_class: Any = Refusal

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting_since = time.monotonic()

    def close_if_slow(self) -> None:
        """Close the connection if its next request is not complete RECEIVE_SECONDS after the last one.

        waitress itself counts the seconds since the last byte, so that a client could send one now and then.
        """
        if self.requests or self.total_outbufs_len:
            self.waiting_since = time.monotonic()
        elif time.monotonic() - self.waiting_since > RECEIVE_SECONDS:
            self.handle_close()
