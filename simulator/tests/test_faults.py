"""Injected faults."""

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from simulator.faults import PADDING

SEARCH = "/youtube/v3/search?part=snippet&q=python&key=good-key"


def ask(sim, path=SEARCH, timeout=5.0):
    connection = http.client.HTTPConnection(urlsplit(sim.youtube_url).netloc, timeout=timeout)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.headers["Content-Type"], response.read()


def test_it_works(post, sim):
    post("/_control/faults", {"source": "youtube", "kind": "status_503", "times": 2})
    for _ in range(2):
        status, _, body = ask(sim)
        assert status == json.loads(body)["error"]["code"] == 503
    assert ask(sim)[0] == 200
    assert sim.projects.spent("birds", "search", sim.clock.now()) == 3


def test_it_fails_until_cleared(post, sim):
    post("/_control/faults", {"source": "invidious", "kind": "status_500", "times": None})
    assert [ask(sim, "/api/v1/stats")[0] for _ in range(3)] == [500, 500, 500]
    assert ask(sim)[0] == 200, "the other source works"
    post("/_control/faults", {"clear": True})
    assert ask(sim, "/api/v1/stats")[0] == 200


def test_it_sends_a_page_instead_of_json(sim):
    sim.faults.add("youtube", "html_200")
    status, kind, body = ask(sim)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert body.startswith(b"<!doctype html>")


def test_it_truncates_a_response(sim):
    sim.faults.add("youtube", "truncated_json")
    with pytest.raises(ValueError, match="line 1"):
        json.loads(ask(sim)[2])


def test_it_resets_the_connection(sim):
    sim.faults.add("youtube", "reset")
    with pytest.raises(ConnectionResetError):
        ask(sim)
    assert ask(sim)[0] == 200


def test_it_hangs(sim):
    sim.faults.add("youtube", "hang")
    with pytest.raises(TimeoutError):
        ask(sim, timeout=0.2)
    assert ask(sim)[0] == 200


INVIDIOUS = "/api/v1/search?q=python&type=video"
PATHS = {"youtube": SEARCH, "invidious": INVIDIOUS}


@pytest.mark.parametrize(
    ("source", "kind", "status", "content_type", "begins"),
    [
        ("youtube", "empty_200", 200, "application/json", b""),
        ("youtube", "list_200", 200, "application/json", b"[]"),
        ("youtube", "status_502", 502, "text/html", b"<html>"),
        ("youtube", "status_500", 500, "application/json", b'{"error":{"code":500'),
        ("youtube", "burst_403", 403, "application/json", b'{"error":{"code":403'),
        ("youtube", "unknown_403", 403, "application/json", b'{"error":{"code":403'),
        ("invidious", "html_200", 200, "text/html", b"<!doctype html>"),
        ("invidious", "empty_200", 200, "application/json", b""),
        ("invidious", "status_500", 500, "application/json", b'{"error":"Index out of bounds","errorBacktrace"'),
        ("invidious", "status_502", 502, "text/html", b"<html>"),
        ("invidious", "status_503", 503, "text/html", b"<html>"),
        ("invidious", "error_400", 400, "application/json", b'{"error":"Missing hash key'),
        ("invidious", "blocked_400", 400, "application/json", b'{"error":"Error: non 200 status code.'),
        ("invidious", "disabled_403", 403, "application/json", b'{"error":"This API endpoint has been disabled'),
        ("invidious", "html_429", 429, "text/html", b"<html>"),
        ("invidious", "dict_200", 200, "application/json", b'{"error"'),
        ("invidious", "empty_list", 200, "application/json", b"[]"),
        ("invidious", "parse_errors", 200, "application/json", b'[{"type":"parse-error"'),
    ],
)
def test_it_replaces_a_response(post, get, sim, source, kind, status, content_type, begins):
    post("/_control/faults", {"source": source, "kind": kind})
    received, kind_of_content, body = ask(sim, PATHS[source])
    assert (received, kind_of_content.partition(";")[0]) == (status, content_type)
    assert body.startswith(begins)
    assert body or not begins
    assert get("/_control/stats")["faults"][source] == {kind: 1}
    received, kind_of_content, body = ask(sim, PATHS[source])
    assert (received, len(json.loads(body)) > 1) == (200, True)
    assert get("/_control/stats")["faults"][source] == {kind: 1}


def test_the_limits_per_minute_and_per_day_have_the_same_reasons(sim, search):
    sim.projects["birds"].limits["search"] = 0
    _, day = search("python")
    sim.faults.add("youtube", "per_minute_429")
    status, minute = search("python")
    assert status == 429
    for one in (day, minute):
        assert one["error"]["errors"][0]["reason"] == "rateLimitExceeded"
        assert one["error"]["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    limits = [one["error"]["details"][0]["metadata"]["quota_limit"] for one in (day, minute)]
    assert limits == ["defaultSearchListPerDayPerProject", "defaultSearchListPerMinutePerProject"]
    assert ("per day" in str(day), "per day" in str(minute)) == (True, False)


@pytest.mark.parametrize("source", PATHS)
def test_it_pads_a_response(sim, source):
    whole = ask(sim, PATHS[source])[2]
    sim.faults.add(source, "huge_json")
    _, _, body = ask(sim, PATHS[source])
    assert len(body) == PADDING + len(whole)
    assert json.loads(body) == json.loads(whole), "it differs only in length"


def test_it_stops_padding_when_the_client_disconnects(sim):
    sim.faults.add("youtube", "huge_json")
    connection = http.client.HTTPConnection(urlsplit(sim.youtube_url).netloc, timeout=5)
    connection.request("GET", SEARCH)
    connection.getresponse().read(1000)
    connection.close()
    assert ask(sim)[0] == 200


def test_it_sends_a_response_byte_by_byte(sim):
    sim.faults.add("invidious", "slow_drip")
    connection = http.client.HTTPConnection(urlsplit(sim.youtube_url).netloc, timeout=5)
    connection.request("GET", INVIDIOUS)
    response = connection.getresponse()
    assert response.read1(100) == b"["
    began = time.perf_counter()
    assert response.read1(100) == b"{"
    assert time.perf_counter() - began > 0.05


@pytest.mark.parametrize("source", PATHS)
def test_it_redirects_to_another_host(sim, source):
    sim.faults.add(source, "redirect")
    connection = http.client.HTTPConnection(urlsplit(sim.youtube_url).netloc, timeout=5)
    connection.request("GET", PATHS[source])
    response = connection.getresponse()
    assert response.status == 302
    assert response.headers["Location"] == f"https://elsewhere.invalid{urlsplit(PATHS[source]).path}"


def ids(answer):
    return [item["id"]["videoId"] for item in answer["items"]]


@pytest.mark.parametrize(("kind", "kept"), [("short_page", 17), ("repeated_items", 25), ("empty_page", 0)])
def test_its_short_pages_lead_to_the_rest(sim, search, kind, kept):
    first = search("python")
    second = search("python", pageToken=first["nextPageToken"])
    for whole, start in ((first, None), (second, first["nextPageToken"])):
        sim.faults.add("youtube", kind)
        short = search("python", pageToken=start)
        assert list(dict.fromkeys(ids(short))) == ids(whole)[:kept]
        assert len(short["items"]) == (50 if kind == "repeated_items" else kept)
        rest = search("python", pageToken=short["nextPageToken"])
        assert ids(rest)[: 50 - kept] == ids(whole)[kept:]


def test_its_pages_can_be_in_reverse_order(sim, search):
    whole = ids(search("python"))
    sim.faults.add("youtube", "reversed_items")
    assert ids(search("python")) == whole[::-1] != whole


@pytest.mark.parametrize("kind", ["short_page", "repeated_items"])
def test_its_short_pages_end(sim, search, kind):
    whole = search("python", publishedAfter="2026-11-22T00:00:00Z")
    assert 1 < len(whole["items"]) < 50
    sim.faults.add("youtube", kind, None)
    found, token, turns = [], None, 0
    while token or not found:
        page = search("python", publishedAfter="2026-11-22T00:00:00Z", pageToken=token)
        found, token, turns = [*found, *ids(page)], page.get("nextPageToken"), turns + 1
        assert turns < 50
    assert list(dict.fromkeys(found)) == ids(whole)


def test_a_fault_applies_to_the_first_request_that_it_fits(sim, get, search):
    sim.faults.add("youtube", "short_page")
    sim.faults.add("youtube", "expired_token")
    assert get("/youtube/v3/videos", part="id", id="x")["items"] == []
    assert search("python", maxResults=99)[0] == 400, "short_page does not fit an error"
    page = search("python")
    assert len(page["items"]) == 17
    whole = search("python")
    assert len(whole["items"]) == 50, "expired_token needs a pageToken"
    status, body = search("python", pageToken=whole["nextPageToken"])
    assert (status, body["error"]["errors"][0]["reason"]) == (400, "invalidPageToken")
    assert search("python", pageToken=whole["nextPageToken"])["items"]
    sim.faults.clear()
    assert sim.faults.served() == {"youtube": {"expired_token": 1, "short_page": 1}, "invidious": {}}
