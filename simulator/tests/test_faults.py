"""Failures on order."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

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


def test_it_fails_until_told_otherwise(post, sim):
    post("/_control/faults", {"source": "invidious", "kind": "status_500", "times": None})
    assert [ask(sim, "/api/v1/stats")[0] for _ in range(3)] == [500, 500, 500]
    assert ask(sim)[0] == 200, "the other source is well"
    post("/_control/faults", {"clear": True})
    assert ask(sim, "/api/v1/stats")[0] == 200


def test_it_sends_a_page_instead_of_json(sim):
    sim.faults.add("youtube", "html_200")
    status, kind, body = ask(sim)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert body.startswith(b"<!doctype html>")


def test_it_sends_half_an_answer(sim):
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
