"""Times in words."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from apps.dashboard.times import clock, due, from_now, moment, span

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_it_works() -> None:
    assert moment(NOW).startswith(
        '<time datetime="2026-11-20T12:00:00+00:00" title="2026-11-20 12:00:00 UTC" data-relative>'
    )


def test_what_is_due_is_due_from_then_on() -> None:
    with time_machine.travel(NOW, tick=False):
        assert "data-due>in 5 s<" in due(NOW + timedelta(seconds=5))
        assert "data-due>Due now<" in due(NOW)


def test_an_estimate_says_so() -> None:
    shown = moment(NOW, exact=False)
    assert 'title="Estimated: 2026-11-20 12:00:00 UTC" data-relative="about ">about ' in shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (0.4, "now"),
        (-1, "1 s ago"),
        (-59, "59 s ago"),
        (-60, "1 min ago"),
        (-119, "2 min ago"),
        (300, "in 5 min"),
        (3_600, "in 1 h"),
        (7_140, "in 2 h"),
        (-86_400, "1 day ago"),
        (-3 * 86_400, "3 days ago"),
        (-30 * 86_400, "21 Oct 2026"),
        (31 * 86_400, "21 Dec 2026"),
    ],
)
def test_from_now(seconds: float, words: str) -> None:
    assert from_now(NOW + timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (15, "15 s"),
        (60, "1 min"),
        (864, "14 min 24 s"),
        (6_060, "1 h 41 min"),
        (6_065, "1 h 41 min"),
        (86_400, "1 day"),
        (86_405, "1 day"),
        (2 * 86_400 + 3_600, "2 days 1 h"),
    ],
)
def test_span(seconds: int, words: str) -> None:
    assert span(seconds) == words


def test_a_span_of_four_units_is_exact() -> None:
    assert span(86_405, parts=4) == "1 day 5 s"
    assert span(93_784, parts=4) == "1 day 2 h 3 min 4 s"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(5, "0:05"), (245, "4:05"), (3_599, "59:59"), (3_723, "1:02:03"), (36_000, "10:00:00")]
)
def test_clock(seconds: int, shown: str) -> None:
    assert clock(seconds) == shown
