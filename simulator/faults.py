"""Injected faults of HTTP responses and connections."""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from simulator import page_tokens, refusals
from simulator.exchange import JSON, Refusal, Request, Response
from simulator.invidious import parse_error

# The sources that can fail.
SOURCES = ("youtube", "invidious")

# Bytes before the response of `huge_json`; clients should stop reading much earlier.
PADDING = 32 * 2**20
# Seconds between two bytes of `slow_drip`.
DRIP_INTERVAL = 0.1

_HTML = "text/html; charset=utf-8"
_CHALLENGE = b"""<!doctype html><html lang="en"><head><title>Making sure you're not a bot!</title></head>
<body><p>Please wait while your browser is being checked.</p></body></html>"""
# The message of Invidious when YouTube blocks it; HTML inside JSON.
_BLOCKED_MESSAGE = (
    "Error: non 200 status code. Youtube API returned status code 429. See "
    '<a href="https://docs.invidious.io/youtube-errors-explained/">the documentation</a> for more information.'
)


class Hang(Exception):
    """Do not respond until the client gives up or the simulator stops."""


class Reset(Exception):
    """Reset the connection."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault: `make` returns the response to send instead of the regular one.

    It applies only to requests for which `fits` returns True; by default to all. `about` describes it.
    """

    about: str
    make: Callable[[Request, Response], Response]
    fits: Callable[[Request, Response], bool] = lambda request, answer: True


def _replace_with(answer: Response) -> Callable[[Request, Response], Response]:
    return lambda request, response: answer


def _json(data: Any, status: int = 200) -> Callable[[Request, Response], Response]:
    return _replace_with(Response.of(data, status, "application/json"))


def _proxy_page(status: int, title: str) -> Callable[[Request, Response], Response]:
    """Return the error page of a proxy."""
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{status} {title}</h1><hr>nginx</body></html>"
    return _replace_with(Response(status, page.encode(), _HTML))


def _refuse(refusal: Refusal, **headers: str) -> Callable[[Request, Response], Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _replace_with(Response.of(refusal.body, refusal.status, headers=named))


def _hang(request: Request, answer: Response) -> Response:
    raise Hang


def _reset(request: Request, answer: Response) -> Response:
    raise Reset


def _truncate(request: Request, answer: Response) -> Response:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def _pad(request: Request, answer: Response) -> Response:
    """Send spaces before the response: it stays valid JSON, but is far too long."""

    def chunks() -> Iterator[bytes]:
        blanks = b" " * 65_536
        yield from itertools.repeat(blanks, PADDING // len(blanks))
        yield answer.body

    return replace(answer, chunks=chunks)


def _drip(request: Request, answer: Response) -> Response:
    def chunks() -> Iterator[bytes]:
        for at in range(len(answer.body)):
            time.sleep(DRIP_INTERVAL)
            yield answer.body[at : at + 1]

    return replace(answer, chunks=chunks)


def _redirect(request: Request, answer: Response) -> Response:
    # RFC 2606 reserves this name, so a client that follows the redirect reaches no server.
    return Response(302, b"", _HTML, {"Location": f"https://elsewhere.invalid{request.path}"})


def _is_page(request: Request, answer: Response) -> bool:
    """Return whether this is a successful search page."""
    return request.path.endswith("/search") and answer.status == 200


def _has_token(request: Request, answer: Response) -> bool:
    return bool(request.last("pageToken"))


def _part_of_page(share: int, times: int = 1) -> Callable[[Request, Response], Response]:
    """Keep the first items, each repeated; the next page starts with the rest, so no item is lost."""

    def make(request: Request, answer: Response) -> Response:
        data = json.loads(answer.body)
        items = data["items"]
        kept = items[: -(-len(items) // share)]
        data["items"] = [item for item in kept for _ in range(times)][: len(items)]
        if len(kept) < len(items):
            data["nextPageToken"] = page_tokens.encode(_page_start(request) + len(kept))
        return replace(answer, body=Response.of(data).body)

    return make


def _reverse(request: Request, answer: Response) -> Response:
    data = json.loads(answer.body)
    data["items"].reverse()
    return replace(answer, body=Response.of(data).body)


def _empty_page(request: Request, answer: Response) -> Response:
    data = json.loads(answer.body) | {"items": [], "nextPageToken": page_tokens.encode(_page_start(request))}
    return replace(answer, body=Response.of(data).body)


def _page_start(request: Request) -> int:
    return page_tokens.decode(request.last("pageToken") or page_tokens.encode(0))


def _implausible(request: Request, answer: Response) -> Response:
    """Replace the dates, numbers and thumbnails of all videos by values that cannot be true."""
    data = json.loads(answer.body)
    for item in data if isinstance(data, list) else data["items"]:
        if isinstance(data, list):
            item |= {"published": 0, "lengthSeconds": -1, "viewCount": True}
            continue
        item["snippet"]["publishedAt"] = "1970-01-01T00:00:00Z"
        item["snippet"]["thumbnails"] = {"high": {"url": "https://elsewhere.invalid/picture.jpg"}}
        if "statistics" in item:
            item["statistics"]["viewCount"] = "-1"
    return replace(answer, body=Response.of(data).body)


def _is_list(request: Request, answer: Response) -> bool:
    """Return whether this is a successful list of videos, searched or by their ids."""
    return answer.status == 200 and request.path.endswith(("/search", "/videos"))


def _is_search(request: Request, answer: Response) -> bool:
    return request.path.endswith("/search")


def _parse_errors(request: Request, answer: Response) -> Response:
    items = [parse_error(item.get("videoId", "")) for item in json.loads(answer.body)]
    return replace(answer, body=Response.of(items).body)


_BOTH = {
    "hang": Kind("no response until the client gives up", _hang),
    "reset": Kind("the connection is reset (RST)", _reset),
    "slow_drip": Kind("the regular response, one byte at a time", _drip),
    "huge_json": Kind(f"the regular response after {PADDING // 2**20} MB of spaces, streamed", _pad),
    "truncated_json": Kind("the first half of the regular response", _truncate),
    "html_200": Kind("200 and the page of a bot check (Anubis)", _replace_with(Response(200, _CHALLENGE, _HTML))),
    "empty_200": Kind("200 and no body", _replace_with(Response(200, b"", JSON))),
    "redirect": Kind("302 to another host", _redirect),
    "status_502": Kind("502 and a proxy's page", _proxy_page(502, "Bad Gateway")),
}

# The kinds of faults, by source and name.
KINDS: dict[str, dict[str, Kind]] = {
    "youtube": {
        **_BOTH,
        "status_500": Kind("500 backendError", _refuse(refusals.server_error(500))),
        "status_503": Kind("503 backendError", _refuse(refusals.server_error(503))),
        "per_minute_429": Kind(
            "429 rateLimitExceeded, per minute instead of per day",
            _refuse(refusals.per_minute_quota_exhausted(), Retry_After="1"),
        ),
        "burst_403": Kind("403 rateLimitExceeded, as before 2020", _refuse(refusals.rate_exceeded())),
        "unknown_403": Kind("403 with an unknown reason", _refuse(refusals.no_permission())),
        "list_200": Kind("200 and a JSON list", _json([])),
        "not_found_404": Kind("404 notFound", _refuse(refusals.not_found()), _is_search),
        "bad_request_400": Kind("400 badRequest, without a cause", _refuse(refusals.bad_argument()), _is_search),
        "bad_query_400": Kind("400 that names the query", _refuse(refusals.bad_query()), _is_search),
        "implausible": Kind("videos with dates and numbers that cannot be true", _implausible, _is_list),
        "expired_token": Kind(
            "400 invalidPageToken, for the next request with one", _refuse(refusals.bad_page_token()), _has_token
        ),
        "repeated_items": Kind(
            "half of a search page, each item twice; its nextPageToken leads to the rest", _part_of_page(2, 2), _is_page
        ),
        "reversed_items": Kind("a search page in reverse order", _reverse, _is_page),
        "short_page": Kind("a third of a search page; its nextPageToken leads to the rest", _part_of_page(3), _is_page),
        "empty_page": Kind("a search page without items; its nextPageToken leads to them", _empty_page, _is_page),
    },
    "invidious": {
        **_BOTH,
        "status_500": Kind(
            "500 and a backtrace", _json({"error": "Index out of bounds", "errorBacktrace": "src/invidious.cr:1"}, 500)
        ),
        "status_503": Kind("503 and a proxy's page", _proxy_page(503, "Service Temporarily Unavailable")),
        "error_400": Kind("400 and an Invidious error", _json({"error": 'Missing hash key: "contents"'}, 400)),
        "blocked_400": Kind("400: YouTube blocks the instance", _json({"error": _BLOCKED_MESSAGE}, 400)),
        "disabled_403": Kind(
            "403: the endpoint is disabled",
            _json({"error": "This API endpoint has been disabled by the administrator."}, 403),
        ),
        "html_429": Kind("429 and a proxy's page", _proxy_page(429, "Too Many Requests")),
        "dict_200": Kind("200 and a JSON object", _json({"error": "Not a list"})),
        "empty_list": Kind("a search without results", _json([]), _is_page),
        "implausible": Kind("videos with dates and numbers that cannot be true", _implausible, _is_page),
        "parse_errors": Kind("a search whose items Invidious could not parse", _parse_errors, _is_page),
    },
}


@dataclass
class Fault:
    """A pending fault; `times` is how many requests it still affects, or None until it is cleared."""

    kind: str
    times: int | None


class Faults:
    """The faults for the next requests, by source. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, list[Fault]] = {source: [] for source in SOURCES}
        self._served: Counter[tuple[str, str]] = Counter()

    def add(self, source: str, kind: str, times: int | None = 1) -> None:
        """Make the next `times` matching requests fail, after the faults added earlier; None for all.

        ValueError if the source or kind is unknown, or `times` is below 1.
        """
        _check_source(source)
        if kind not in KINDS[source]:
            raise ValueError(f"kind must be one of: {', '.join(KINDS[source])}.")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or null for all requests.")
        with self._lock:
            self._pending[source].append(Fault(kind, times))

    def clear(self, source: str | None = None) -> None:
        """Remove the faults of one source or of both; the counts of served faults stay."""
        if source is not None:
            _check_source(source)
        with self._lock:
            for one in SOURCES if source is None else (source,):
                self._pending[one].clear()

    def served(self) -> dict[str, dict[str, int]]:
        """Return the number of faults served, as `{source: {kind: number}}`."""
        found: dict[str, dict[str, int]] = {source: {} for source in SOURCES}
        with self._lock:
            for (source, kind), number in sorted(self._served.items()):
                found[source][kind] = number
        return found

    def apply(self, source: str, request: Request, answer: Response) -> Response:
        """Return the response, or what the first matching fault makes of it.

        Raises `Hang` or `Reset`.
        """
        kinds = KINDS[source]
        with self._lock:
            pending = self._pending[source]
            fault = next((one for one in pending if kinds[one.kind].fits(request, answer)), None)
            if fault is None:
                return answer
            self._served[source, fault.kind] += 1
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    pending.remove(fault)
        return kinds[fault.kind].make(request, answer)


def _check_source(source: str) -> None:
    if source not in SOURCES:
        raise ValueError(f"source must be one of: {', '.join(SOURCES)}.")
