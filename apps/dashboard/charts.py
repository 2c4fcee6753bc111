"""Bars of what was spent, as the templates draw them: heights from 0 to 100."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from apps.quota.budget import DAY
from apps.videos.outlook import Outlook


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, how high it is, what it says; `planned` if it is still to come."""

    x: int
    height: float
    title: str
    planned: bool = False

    @property
    def y(self) -> float:
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars beside each other, ten units each; `top` is what the full height means, `limit` the height of a line.
    `told` says it to who does not see it."""

    bars: Sequence[Bar]
    top: int
    first: str
    last: str
    told: str
    limit: float | None = None

    @property
    def width(self) -> int:
        return 10 * len(self.bars)

    @property
    def limit_y(self) -> float:
        return 100 - (self.limit or 0)


def of(today: Outlook) -> dict[str, Chart]:
    return {"hours": hours(today), "days": days(today)}


def hours(today: Outlook) -> Chart:
    """Return today's searches by the hour, and what is planned for the hours to come."""
    left, values = float(today.scheduled.left), list[float]()
    for hour in today.hours:
        planned = min(today.pace / (DAY / 3600), left)
        values.append(planned if hour.searches is None else hour.searches)
        left -= planned if hour.searches is None else 0
    top = _top(values)
    bars = [
        Bar(
            10 * number,
            100 * value / top,
            f"{hour.start:%H:%M} to {hour.start + timedelta(hours=1):%H:%M} UTC: "
            + (f"about {value:.1f} planned" if hour.searches is None else _searches(hour.searches)),
            planned=hour.searches is None,
        )
        for number, (hour, value) in enumerate(zip(today.hours, values, strict=True))
    ]
    begin, end = today.hours[0].start, today.balance.resets_at
    spent = [hour.searches for hour in today.hours if hour.searches is not None]
    told = f"{_searches(sum(spent))} so far, at most {max(spent)} in an hour"
    return Chart(bars, top, first=f"{begin:%H:%M} UTC", last=f"{end:%H:%M} UTC", told=told)


def days(today: Outlook) -> Chart:
    """Return the searches of the last days, and the line that today's limit draws."""
    most = max(day.searches for day in today.days)
    # A limit that is far away would only press the bars down.
    limit = today.searches_a_day if today.searches_a_day <= 5 * most else 0
    top = _top([limit, most])
    bars = [
        Bar(10 * number, 100 * day.searches / top, f"{day.day.day} {day.day:%B}: {_searches(day.searches)}")
        for number, day in enumerate(today.days)
    ]
    first, last = today.days[0].day, today.days[-1].day
    line = 100 * limit / top if limit else None
    told = f"{_searches(sum(day.searches for day in today.days))}, at most {most} in a day"
    return Chart(bars, top, first=f"{first.day} {first:%b}", last=f"{last.day} {last:%b}", told=told, limit=line)


def _top(values: Sequence[float]) -> int:
    return max(1, -int(-max(values) // 1))


def _searches(number: int) -> str:
    return f"{number} search{'' if number == 1 else 'es'}"
