"""Every fault that the simulator knows, and the error it causes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import bounded, invidious_api, youtube_api
from core.errors import (
    BadPageToken,
    BadQuery,
    KeyCoolingDown,
    RequestRefused,
    SourceBlocked,
    SourceError,
    SourceUnavailable,
)
from core.tests.conftest import KEY
from simulator import Simulator
from simulator.faults import KINDS

# None: a valid response.
EXPECTED: dict[str, dict[str, tuple[type[SourceError], str] | None]] = {
    "youtube": {
        "hang": (SourceUnavailable, "in time"),
        "reset": (SourceUnavailable, "reached"),
        "slow_drip": (SourceUnavailable, "took longer than"),
        "huge_json": (SourceUnavailable, "larger than 8 MB"),
        "truncated_json": (SourceUnavailable, "unreadable"),
        "html_200": (SourceUnavailable, "unreadable"),
        "empty_200": (SourceUnavailable, "unreadable"),
        "redirect": (SourceBlocked, "302"),
        "status_502": (SourceUnavailable, "having problems"),
        "status_500": (SourceUnavailable, "having problems"),
        "status_503": (SourceUnavailable, "having problems"),
        "per_minute_429": (SourceUnavailable, "requests per minute"),
        "burst_403": (SourceUnavailable, "requests per minute"),
        "unknown_403": (KeyCoolingDown, "SERVICE_UNAVAILABLE"),
        "list_200": (SourceUnavailable, "unreadable"),
        "not_found_404": (RequestRefused, "HTTP 404, notFound"),
        "bad_request_400": (RequestRefused, "HTTP 400, badRequest"),
        "bad_query_400": (BadQuery, "refuses this query"),
        "implausible": None,
        "expired_token": (BadPageToken, "page"),
        "repeated_items": None,
        "reversed_items": None,
        "short_page": None,
        "empty_page": None,
    },
    "invidious": {
        "hang": (SourceUnavailable, "in time"),
        "reset": (SourceUnavailable, "reached"),
        "slow_drip": (SourceUnavailable, "took longer than"),
        "huge_json": (SourceUnavailable, "larger than 8 MB"),
        "truncated_json": (SourceUnavailable, "unreadable"),
        "html_200": (SourceBlocked, "page"),
        "empty_200": (SourceUnavailable, "unreadable"),
        "redirect": (SourceBlocked, "302"),
        "status_502": (SourceUnavailable, "502"),
        "status_500": (SourceUnavailable, "500"),
        "status_503": (SourceUnavailable, "503"),
        "error_400": (SourceUnavailable, "400"),
        "blocked_400": (SourceBlocked, "YouTube"),
        "disabled_403": (SourceBlocked, "403"),
        "html_429": (SourceBlocked, "429"),
        "dict_200": (SourceBlocked, "list"),
        "empty_list": None,
        "implausible": None,
        "parse_errors": (SourceUnavailable, "could not read"),
    },
}
ALL = [(source, kind) for source, kinds in EXPECTED.items() for kind in kinds]


def ask(source: str, simulator: Simulator) -> Any:
    if source == "invidious":
        return invidious_api.search_videos("kestrel", instance=simulator.invidious_url, pages=1)
    # CDIQAA is the second page.
    return youtube_api.search_videos(KEY, "kestrel", endpoint=simulator.youtube_url, page_token="CDIQAA").videos


@pytest.mark.parametrize(("source", "kind"), ALL)
def test_it_works(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, source: str, kind: str) -> None:
    with monkeypatch.context() as patch:
        if kind == "hang":
            patch.setattr(youtube_api if source == "youtube" else invidious_api, "TIMEOUT_SECONDS", 0.5)
        if kind == "slow_drip":
            patch.setattr(bounded, "MAX_SECONDS", 0.3)
        simulator.faults.add(source, kind)
        # A thread keeps its connection, so a new thread is needed for the short timeout.
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(ask, source, simulator)
            expected = EXPECTED[source][kind]
            if expected:
                with pytest.raises(SourceError, match=expected[1]) as caught:
                    asked.result()
                assert type(caught.value) is expected[0]
                assert KEY not in repr(caught.value)
                assert "<" not in str(caught.value)
            else:
                asked.result()
    assert simulator.faults.served()[source] == {kind: 1}, "one request was made, and failed"
    assert ask(source, simulator), "the next call works"


def test_every_fault_is_tested() -> None:
    assert {source: set(kinds) for source, kinds in EXPECTED.items()} == {
        source: set(KINDS[source]) for source in KINDS
    }


def test_it_reads_retry_after(simulator: Simulator) -> None:
    simulator.faults.add("youtube", "per_minute_429")
    with pytest.raises(SourceUnavailable) as caught:
        ask("youtube", simulator)
    assert caught.value.retry_after == 1


@pytest.mark.parametrize("kind", ["short_page", "repeated_items", "empty_page"])
def test_odd_pages_lose_nothing(simulator: Simulator, kind: str) -> None:
    whole = ask("youtube", simulator)
    simulator.faults.add("youtube", kind)
    found, token = [], "CDIQAA"
    for _ in range(2):
        page = youtube_api.search_videos(KEY, "kestrel", endpoint=simulator.youtube_url, page_token=token)
        assert page.next_page_token
        found, token = [*found, *page.videos], page.next_page_token
    assert list(dict.fromkeys(found))[: len(whole)] == list(whole)
