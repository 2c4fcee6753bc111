"""bin/bench days: it is seen if memory grows, the database is not as large as documented, data is old, or a message has
no cause."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.days import faults, verdict
from benchmarks.days.life import Day, Line

BEGIN = datetime(2026, 10, 5, 7, tzinfo=UTC)
DAY = Day(1, "", searches=100, new_videos=1000, videos=1000, logs=2000, memory=10**8, size=4_400_000, oldest_data=1)
SIZES = {"video": 3_000_000, "log": 1_400_000, "other": 100_000}


def sentences(last: Day, deleted: int = 0, described: int = 0) -> list[str]:
    days = [DAY, last]
    problems = [*verdict.memory(days), *verdict.size(last, SIZES), *verdict.age(days, deleted, described)]
    return [problem.partition(":")[0] for problem in problems]


def test_a_day_as_it_should_be() -> None:
    assert sentences(replace(DAY, memory=105 * 10**6, oldest_data=29.5), deleted=10) == []


@pytest.mark.parametrize(
    ("last", "described", "sentence"),
    [
        (replace(DAY, memory=120 * 10**6), 0, "Memory"),
        (replace(DAY, size=6_000_000), 0, "Database"),
        (replace(DAY, oldest_data=30.5), 0, "YouTube's data is kept for more than 30 days."),
        (DAY, 1, "YouTube's data is kept for more than 30 days."),
    ],
)
def test_what_is_wrong_is_said(last: Day, described: int, sentence: str) -> None:
    assert sentences(last, 10, described) == [sentence]


def test_a_message_needs_a_fault_at_that_time() -> None:
    _, fault = faults.injections([BEGIN, BEGIN + timedelta(days=1)])
    during, message = fault.begins + timedelta(hours=1), "source_unavailable: YouTube is having problems (HTTP 500)."
    lines = [Line(during, message), Line(during, "the stored number was 3, corrected to 2"), Line(BEGIN, message)]

    def cause(line: Line) -> str:
        return fault.fault.name if fault.explains(line.moment, line.message) else ""

    unexplained = list(verdict.messages(lines, cause))
    assert len(unexplained) == 2
    assert "corrected to 2" in unexplained[0]
    assert "05 Oct 07:00:00 source_unavailable" in unexplained[1]
