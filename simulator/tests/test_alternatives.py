"""Searches with alternatives, `a|b`, that do not show all they should: --or-recall, --or-words and --or-limit."""

from urllib.error import HTTPError
from urllib.parse import quote

import pytest

from simulator import World
from simulator.queries import Query
from simulator.tests.conftest import NOW
from simulator.tests.test_command import ask, running

TOPICS = ("python", "django", "raspberry pi")


def world(**options):
    return World(seed=7, rates=dict.fromkeys(TOPICS, 2.0), mentions=0.5, started_at=NOW, **options)


def ids(searched, text):
    return {video.video_id for video in searched.search(text, NOW)}


def test_recall_hides_the_same_share_from_every_such_search():
    whole, lossy = world(), world(or_recall=0.8)
    for topic in TOPICS:
        assert ids(lossy, topic) == ids(whole, topic), "a search for one is complete"
    both = ids(whole, "python|django")
    shown = ids(lossy, "python|django")
    assert shown < both
    assert len(shown) / len(both) == pytest.approx(0.8, abs=0.03)
    assert shown == ids(lossy, "django|python") == ids(world(or_recall=0.8), "python|django"), "not by chance"
    assert shown & ids(whole, "python") == ids(lossy, "python|raspberry pi") & ids(whole, "python"), "always the same"
    assert ids(world(or_recall=0.4), "python|django") < shown
    assert not ids(world(or_recall=0), "python|django")


def test_broken_words_let_several_words_lose_the_other_alternatives():
    whole, broken = world(), world(or_words="broken")
    for query in (*TOPICS, "python|django", '"raspberry pi"', '"raspberry pi"|python', "python -django"):
        assert ids(broken, query) == ids(whole, query), "no alternative has several words"
    every = {video.video_id for video in whole.search("python|raspberry pi", NOW)
             if Query.parse("python raspberry pi").matches(video.text)}  # fmt: skip
    assert ids(broken, "python|raspberry pi") == ids(broken, "raspberry pi|python") == every
    assert len(every) < len(ids(whole, "python|raspberry pi")) / 3


def test_a_longer_query_is_refused(search, sim):
    sim.world.or_limit = len("python|django")
    assert search("python|django")["items"]
    status, body = search("python|django|a")
    error = body["error"]["errors"][0]
    assert (status, error["reason"], error["location"]) == (400, "invalidParameter", "q")
    assert sim.projects.spent("birds", "search", NOW) == 2, "a refused search is used as well"
    assert search("python django guide")["items"] is not None, "one without alternatives may be longer"


@pytest.mark.parametrize(
    ("option", "value", "query"),
    [("--or-recall", "0", "python|django"), ("--or-words", "broken", "python|no such words")],
)
def test_the_command_line_has_them(option, value, query):
    with running(option, value, "--or-limit", "20") as (_, url):
        assert ask(url, "python", "demo-key")
        assert not ask(url, quote(query), "demo-key")
        with pytest.raises(HTTPError, match="400"):
            ask(url, quote("python|django|raspberry"), "demo-key")
