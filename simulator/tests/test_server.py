"""HTTP: keep-alive, compression, thumbnails, ports and the log."""

import gzip
import http.client
import logging
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from simulator import Clock, Project, Simulator, World
from simulator.tests.conftest import NOW

SEARCH = "/youtube/v3/search?part=snippet&q=python&maxResults=50&key=good-key"


def connect(sim):
    return http.client.HTTPConnection(urlsplit(sim.youtube_url).netloc, timeout=5)


def test_it_works(sim):
    connection = connect(sim)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", SEARCH)
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
        assert int(response.headers["Content-Length"]) == len(response.read())
        took.append(time.perf_counter() - began)
    # A delayed ACK would take 40 ms each time.
    assert min(took) < 0.035


def test_it_compresses_long_responses(sim):
    connection = connect(sim)
    connection.request("GET", SEARCH, headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.read()).startswith(b'{"kind"')
    connection.request("GET", "/_control/clock", headers={"Accept-Encoding": "gzip"})
    assert connection.getresponse().headers["Content-Encoding"] is None


def test_it_serves_concurrent_requests(search):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: search(f"topic {number % 3}"), range(40)))
    assert len({answer["etag"] for answer in answers}) == 3


def test_it_draws_thumbnails(sim, search):
    picture = urlsplit(search("python")["items"][0]["snippet"]["thumbnails"]["high"]["url"])
    assert f"http://{picture.netloc}" == sim.youtube_url
    connection = connect(sim)
    connection.request("GET", picture.path)
    response = connection.getresponse()
    assert response.headers["Content-Type"] == "image/svg+xml"
    drawing = xml.etree.ElementTree.fromstring(response.read())
    assert (drawing.get("width"), drawing.get("height")) == ("480", "360")


def test_it_chooses_a_port_below_those_of_outgoing_connections(sim):
    assert 20_000 <= urlsplit(sim.youtube_url).port < 32_768


def test_it_reports_a_port_in_use(sim):
    with pytest.raises(OSError, match="in use"):
        Simulator(port=urlsplit(sim.youtube_url).port).start()


def test_it_closes_connections_when_it_stops():
    simulator = Simulator(World(seed=7, started_at=NOW), projects=[Project("birds", ["good-key"])]).start()
    connection = connect(simulator)
    connection.request("GET", SEARCH)
    connection.getresponse().read()
    simulator.stop()
    connection.auto_open = 0
    with pytest.raises((OSError, http.client.HTTPException)):  # noqa: PT012  (either may notice)
        connection.request("GET", SEARCH)
        connection.getresponse()


def test_it_logs_no_key(sim, caplog):
    with caplog.at_level(logging.DEBUG):
        connection = connect(sim)
        connection.request("GET", SEARCH)
        connection.getresponse().read()
        connection.request("GET", "/nothing?key=good-key")
        assert connection.getresponse().status == 404
        # The first request is logged before the second is read.
    assert "GET /youtube/v3/search 200" in caplog.text
    assert "good-key" not in caplog.text


def test_it_has_no_url_before_the_start():
    with pytest.raises(RuntimeError, match="started"):
        _ = Simulator(clock=Clock(NOW)).youtube_url
