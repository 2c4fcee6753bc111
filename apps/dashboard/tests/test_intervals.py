"""Intervals as people write them."""

import re

import pytest

from apps.dashboard.forms import IntervalField, read_span


def test_it_works() -> None:
    assert read_span("1 h 30 min") == 5400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 s", 90),
        ("15min", 900),
        ("15 Minutes", 900),
        ("every 2 hours", 7200),
        ("1 day, 2 h", 93_600),
        ("1h30m", 5400),
        ("2 weeks", 1_209_600),
        ("１５ min", 900),
    ],
)
def test_what_people_write(text: str, seconds: int) -> None:
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["30", "min", "-5 min", "1.5 h", "5 lightyears", "5 min please", "5 min 5", "٣ min"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        read_span(text)


@pytest.mark.parametrize("text", ["", "  ", "default", "auto", "Automatic"])
def test_the_default(text: str) -> None:
    assert IntervalField().clean(text) is None


@pytest.mark.parametrize("seconds", [1, 61, 6_065, 86_399, 86_405, 2_592_000])
def test_what_is_shown_is_understood(seconds: int) -> None:
    field = IntervalField()
    assert field.clean(field.prepare_value(seconds)) == seconds
