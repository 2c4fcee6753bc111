"""Requests that the web server itself refuses, before Windhover sees them: answered in JSON, never by a 5xx."""

import json
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.task import ErrorTask
from waitress.utilities import Error


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
    """A connection with these two."""

    parser_class: Any = Parser
    error_task_class: Any = Refusal
