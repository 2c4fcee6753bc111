"""Control requests."""

from datetime import timedelta

import pytest

from simulator.tests.conftest import NOW


def test_it_works(post, search, get, sim):
    assert post("/_control/clock", {"advance": 3600})["now"] == (NOW + timedelta(hours=1)).isoformat()
    published = post("/_control/publish", {"topic": "kestrel", "title": "Kestrel!", "video_id": "_control_id"})
    assert published == {"video_id": "_control_id", "title": "Kestrel!"}
    assert search("kestrel")["items"][0]["id"]["videoId"] == "_control_id"
    post("/_control/delete", {"video_id": "_control_id"})
    assert "_control_id" not in str(search("kestrel"))
    stats = get("/_control/stats")
    assert stats["requests"] == {"/youtube/v3/search": {"200": 2}}
    project = stats["projects"]["birds"]
    assert project["spent"] == {"search": 2, "general": 0}
    assert stats["faults"] == {"youtube": {}, "invidious": {}}
    assert project["keys"] == {"first": {"state": "valid", "requests": 2, "refused": 0}}
    assert "good-key" not in str(stats)


def test_it_changes_keys_and_quota(post, search):
    post("/_control/keys", {"project": "birds", "label": "first", "state": "expired"})
    assert "expired" in search("python")[1]["error"]["message"]
    post("/_control/keys", {"project": "birds", "state": "valid", "searches_per_day": 1})
    assert search("python")["items"]
    assert search("python")[0] == 429


def test_it_freezes_and_thaws_the_clock(post, get):
    assert post("/_control/clock", {"frozen": False})["frozen"] is False
    assert post("/_control/clock", {"now": "2027-01-01T00:00:00Z", "frozen": True})["frozen"] is True
    assert get("/_control/clock")["now"].startswith("2027-01-01T00:00:00")


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("clock", b"no JSON", "JSON object"),
        ("clock", [1], "JSON object"),
        ("clock", {"now": "tomorrow"}, "ISO 8601"),
        ("clock", {"advance": "1"}, "number"),
        ("clock", {"faster": 2}, "not a known field"),
        ("keys", {"project": "fish"}, "birds"),
        ("keys", {"project": "birds", "label": "x"}, "first"),
        ("keys", {"project": "birds", "state": "unknown"}, "suspended"),
        ("publish", {}, "topic or a title"),
        ("publish", {"topic": "x", "video_id": "short"}, "11 characters"),
        ("publish", {"topic": "x", "broadcast": {"planned": 1}}, "seconds"),
        ("delete", {}, "video_id"),
        ("faults", {"source": "vimeo", "kind": "hang"}, "invidious"),
        ("faults", {"source": "youtube", "kind": "unknown"}, "html_200"),
        ("faults", {"source": "youtube", "kind": "parse_errors"}, "short_page"),
        ("faults", {"source": "invidious", "kind": "short_page"}, "parse_errors"),
        ("faults", {"source": "youtube", "kind": ["hang"]}, "text"),
        ("faults", {"source": "youtube", "kind": "hang", "times": 0}, "at least 1"),
        ("faults", {"clear": True, "source": "vimeo"}, "invidious"),
    ],
)
def test_it_explains_invalid_requests(path, body, words, post):
    status, answer = post(f"/_control/{path}", body)
    assert status == 400
    assert words in answer["error"]
    assert answer["error"].endswith(".")


def test_it_lists_the_requests_that_exist(post):
    status, answer = post("/_control/nothing", {})
    assert status == 404
    assert "/_control/faults" in answer["error"]
