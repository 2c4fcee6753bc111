"""Keys that are missing, unknown or refused."""

from urllib.request import Request, urlopen

import pytest

from simulator.projects import KEY_STATES

EXPECTED = {
    "invalid": (400, "badRequest", "API_KEY_INVALID"),
    "expired": (400, "badRequest", "API_KEY_INVALID"),
    "service_blocked": (403, "forbidden", "API_KEY_SERVICE_BLOCKED"),
    "not_enabled": (403, "accessNotConfigured", "SERVICE_DISABLED"),
    "ip_blocked": (403, "forbidden", "API_KEY_IP_ADDRESS_BLOCKED"),
    "suspended": (403, "forbidden", "CONSUMER_SUSPENDED"),
}


def test_it_works(search):
    assert search("python", key="good-key")["items"]


def test_it_accepts_the_key_in_a_header(sim):
    url = f"{sim.youtube_url}/youtube/v3/search?part=snippet&q=python"
    with urlopen(Request(url, headers={"X-Goog-Api-Key": "good-key"}), timeout=5) as response:
        assert response.status == 200


def test_it_refuses_a_missing_key(search):
    status, body = search("python", key=None)
    assert status == 403
    assert "unregistered callers" in body["error"]["message"]


def test_it_refuses_an_unknown_key(search):
    status, body = search("python", key="unknown-key")
    assert status == 400
    assert body["error"]["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize("state", EXPECTED)
def test_it_refuses_a_key_in_every_bad_state(state, search, sim):
    (key,) = sim.projects["birds"].keys
    key.state = state
    status, body = search("python")
    error = body["error"]
    info = error["details"][0]
    assert (status, error["errors"][0]["reason"], info["reason"]) == EXPECTED[state]
    assert error["code"] == status
    assert sim.projects.spent("birds", "search", sim.clock.now()) == 0
    assert key.refused == 1


def test_every_state_is_tested():
    assert {*EXPECTED, "valid"} == set(KEY_STATES)
