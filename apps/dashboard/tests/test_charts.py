"""Charts: their axes, bars, lines, and the table behind each."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.template.loader import render_to_string

from apps.conftest import MovableTime
from apps.dashboard import charts
from apps.dashboard.charts import Chart, Place, Series
from apps.videos.scheduling.report import DayUsed
from apps.videos.statistics import Delay, VideosOfDay

MIDNIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)


def chart(*values: tuple[float, ...], styles: tuple[str, ...] = ("bar",), **given: object) -> Chart:
    series = [Series(style, style) for style in styles]  # type: ignore[arg-type]
    places = [Place(f"place {number}", each) for number, each in enumerate(values)]
    shown: dict = {"id": "x", "title": "Birds", "of": "Hour", "summary": "few", "nothing": "None yet."}
    return Chart(series=series, places=places, **shown | given)


def test_it_works() -> None:
    shown = chart((2, 1, 8), (0, 4, 6), styles=("bar", "planned", "line"), now=1.25, limit=9)
    assert shown.ticks == [0, 5, 10]
    assert shown.grid == [50, 0]
    assert [(bar.x, bar.y, bar.height, bar.style) for bar in shown.bars] == [
        (pytest.approx(0.1), 80, 20, "bar"),
        (pytest.approx(0.1), 70, 10, "planned"),
        (pytest.approx(1.1), 60, 40, "planned"),
    ]
    assert shown.lines == ["0.5,20.00 1.5,40.00"]
    assert (shown.limit_y, shown.now_place) == (pytest.approx(10), 1)
    assert shown.rows[1] == ("place 1", [("bar", "0"), ("planned", "4"), ("line", "6")])


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0.3, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (5, [0, 2, 4, 6]),
        (40, [0, 10, 20, 30, 40]),
        (41, [0, 20, 40, 60]),
        (100, [0, 50, 100]),
        (999_999, [0, 500_000, 1_000_000]),
    ],
)
def test_the_axis_has_round_numbers(most: float, ticks: list[float]) -> None:
    assert chart((most,)).ticks == ticks


def test_without_values_it_says_so_instead_of_drawing() -> None:
    html = render_to_string("dashboard/chart.html", {"chart": chart((0,), (0,))})
    assert "None yet." in html
    assert "<svg" not in html
    assert "<details" not in html


def test_a_screen_reader_gets_a_summary_and_a_table() -> None:
    html = render_to_string("dashboard/chart.html", {"chart": chart((1,), (3,), unit=" %")})
    assert 'role="img" aria-label="Birds: few"' in html
    assert html.index("<summary>Show as table</summary>") < html.index("<table") < html.index("</details>")
    assert html.count("<tr") == 3
    assert (
        '<th role="rowheader" scope="row">place 1</th><td role="cell" class="figure" data-label="bar">3 %</td>' in html
    )


def test_what_is_written_by_others_is_escaped() -> None:
    html = render_to_string("dashboard/chart.html", {"chart": chart((1,), title="<b>")})
    assert "<b>" not in html.replace("<b>now</b>", "")


@pytest.mark.parametrize(("number", "labels"), [(7, 7), (30, 8), (90, 8)])
def test_days_have_a_few_labels_and_always_todays(frozen_time: MovableTime, number: int, labels: int) -> None:
    days = [VideosOfDay(date(2026, 11, 20) - timedelta(days=back), 1, 2) for back in reversed(range(number))]
    shown = charts.videos(days)
    assert sum(bool(place.label) for place in shown.places) == labels
    assert (shown.places[-1].label, shown.places[-1].is_minor) == ("20 Nov", False)
    assert shown.places[-1].name == "Fri 20 November"
    # 20:00 UTC
    assert shown.now == pytest.approx(number - 1 + 20 / 24)


def test_the_day_of_the_quota_begins_at_midnight_in_california(frozen_time: MovableTime) -> None:
    frozen_time.move_to(MIDNIGHT + timedelta(hours=6))
    used = [DayUsed(date(2026, 11, 20), 100), DayUsed(date(2026, 11, 21), 30)]
    shown = charts.searches(used, limit=100)
    assert shown.now == pytest.approx(1.25)
    assert shown.limit == 100
    assert "data-local>08:00 UTC</time>" in shown.note
    assert shown.summary == "130 searches, at most 100 in a day"


def test_a_limit_far_above_the_bars_is_left_out(frozen_time: MovableTime) -> None:
    assert charts.searches([DayUsed(date(2026, 11, 20), 10)], limit=100_000).limit is None


def test_delays_are_shares_of_all(frozen_time: MovableTime) -> None:
    shown = charts.delays(Delay.of([10, 300, 301, 3600, 3 * 86_400]))
    assert [(place.name, place.values[0]) for place in shown.places] == [
        ("within 5 min", 40),
        ("5 min to 15 min", 20),
        ("15 min to 30 min", 0),
        ("30 min to 1 h", 20),
        ("1 h to 3 h", 0),
        ("3 h to 6 h", 0),
        ("6 h to 1 day", 0),
        ("later", 20),
    ]
    assert shown.summary == "80% within an hour, half of them within 5 min 1 s"
