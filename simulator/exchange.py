"""A request and its response, independent of sockets."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """A received request; the names of `headers` are in lower case.

    `root` is the base URL under which clients reach the simulator, without a trailing slash.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    root: str
    body: bytes = b""

    def last(self, name: str) -> str | None:
        """Return the last value of a query parameter, or None if it is missing."""
        values = self.query.get(name)
        return values[-1] if values else None

    def each(self, name: str) -> list[str]:
        """Return all values of a parameter, repeated or comma-separated."""
        return [piece for value in self.query.get(name, ()) for part in value.split(",") if (piece := part.strip())]


@dataclass(frozen=True)
class Response:
    """A response; if `chunks` is given, they are sent instead of `body`, each as soon as it is available."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Callable[[], Iterable[bytes]] | None = None

    @classmethod
    def of(
        cls, data: Any, status: int = 200, content_type: str = JSON, headers: Mapping[str, str] | None = None
    ) -> "Response":
        """Return a JSON response."""
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return cls(status, body, content_type, headers or {})


class Refusal(Exception):
    """A response that ends the processing of a request: `status` and `body` (JSON)."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
