"""Bar charts of the searches used, as the templates draw them: heights from 0 to 100."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from apps.dashboard.plan_text import about
from apps.videos.scheduling.report import SchedulingReport


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its position, height and tooltip; `planned` if it is still to come."""

    x: int
    height: float
    title: str
    planned: bool = False

    @property
    def y(self) -> float:
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of ten units' width. `top` is the value of the full height, `limit` the height of a line, `summary` the
    text for screen readers."""

    bars: Sequence[Bar]
    top: int
    first: str
    last: str
    summary: str
    limit: float | None = None

    @property
    def width(self) -> int:
        return 10 * len(self.bars)

    @property
    def limit_y(self) -> float:
        return 100 - (self.limit or 0)


def of(today: SchedulingReport) -> dict[str, Chart]:
    return {"hours": hours(today), "days": days(today)}


def hours(today: SchedulingReport) -> Chart:
    """Return today's searches per hour, and those planned for the hours to come."""
    left, values = float(today.scheduled.left), list[float]()
    for hour in today.hours:
        planned = min(today.search_rate / 24, left)
        values.append(planned if hour.searches is None else hour.searches)
        left -= planned if hour.searches is None else 0
    top = _top(values)
    bars = [
        Bar(
            10 * number,
            100 * value / top,
            f"{hour.start:%H:%M} to {hour.start + timedelta(hours=1):%H:%M} UTC: "
            + (f"about {about(value)} searches planned" if hour.searches is None else _searches(hour.searches)),
            planned=hour.searches is None,
        )
        for number, (hour, value) in enumerate(zip(today.hours, values, strict=True))
    ]
    begin, end = today.hours[0].start, today.quota.resets_at
    used = [hour.searches for hour in today.hours if hour.searches is not None]
    summary = f"{_searches(sum(used))} so far, at most {max(used)} in an hour"
    return Chart(bars, top, first=f"{begin:%H:%M} UTC", last=f"{end:%H:%M} UTC", summary=summary)


def days(today: SchedulingReport) -> Chart:
    """Return the searches of the last days, with a line at today's limit."""
    most = max(day.searches for day in today.days)
    # A limit far above the bars would only make them small.
    limit = today.searches_per_day if today.searches_per_day <= 5 * most else 0
    top = _top([limit, most])
    bars = [
        Bar(10 * number, 100 * day.searches / top, f"{day.day.day} {day.day:%B}: {_searches(day.searches)}")
        for number, day in enumerate(today.days)
    ]
    first, last = today.days[0].day, today.days[-1].day
    line = 100 * limit / top if limit else None
    summary = f"{_searches(sum(day.searches for day in today.days))}, at most {most} in a day"
    return Chart(bars, top, first=f"{first.day} {first:%b}", last=f"{last.day} {last:%b}", summary=summary, limit=line)


def _top(values: Sequence[float]) -> int:
    return max(1, -int(-max(values) // 1))


def _searches(number: int) -> str:
    return f"{number} search{'' if number == 1 else 'es'}"
