"""Charts as the templates draw them: bars, lines and axes, with the values of the table behind each.

A chart is drawn 100 units high, and one unit wide for each place of its axis; the style sheet stretches it. Labels are
HTML beside it, as the reader's time zone is known to a script only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate, pairwise
from math import ceil, log10
from typing import Final, Literal

from django.utils import timezone
from django.utils.html import format_html

from apps.dashboard.plan_text import at_most
from apps.dashboard.times import HOUR, local_time, span
from apps.quota import pacific
from apps.videos.models import VideoFetchMethod
from apps.videos.scheduling.allocation import DAY
from apps.videos.scheduling.report import DayUsed, SchedulingReport
from apps.videos.statistics import Delay, Newest, VideosOfDay

# At most this many labels are below an axis, and every second is left out on narrow screens.
LABELS: Final = 8

# A limit far above the bars would only make them small.
HIGHEST_LIMIT: Final = 5

# How much of its place a bar fills.
BAR: Final = 0.8


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one kind; `style` is how they are drawn. Bars stand on one another."""

    label: str
    style: Literal["bar", "planned", "line"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the axis: its name in the table, its label below the axis (often none), and a value per series."""

    name: str
    values: tuple[float, ...]
    label: str = ""
    is_minor: bool = False  # its label is left out on narrow screens


@dataclass(frozen=True, slots=True)
class Rectangle:
    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True)
class Chart:
    """`id` is unique in a page, `of` heads the column of names. `summary` is the text for screen readers, `nothing`
    what is shown if there are no values. `limit` is a value; `now` a place, with the share of it that has passed."""

    id: str
    title: str
    of: str
    series: Sequence[Series]
    places: Sequence[Place]
    summary: str
    nothing: str
    note: str = ""
    unit: str = ""
    limit: float | None = None
    now: float | None = None
    labels_begin: bool = False  # at the place's beginning, rather than below its middle

    @property
    def is_empty(self) -> bool:
        return not any(any(place.values) for place in self.places)

    @property
    def width(self) -> int:
        return len(self.places)

    @cached_property
    def ticks(self) -> list[float]:
        """The values at the lines of the grid, from 0 on, evenly spaced."""
        most = max(self.limit or 0, *(self._height(place) for place in self.places))
        step = _step(most / 4)
        return [step * number for number in range(max(1, ceil(most / step)) + 1)]

    @property
    def tick_labels(self) -> list[str]:
        """The labels of the ticks, from the top down."""
        return [self.show(tick) for tick in reversed(self.ticks)]

    @property
    def grid(self) -> list[float]:
        """The positions of the lines above 0."""
        return [self._y(tick) for tick in self.ticks[1:]]

    @property
    def limit_y(self) -> float | None:
        return None if self.limit is None else self._y(self.limit)

    @property
    def now_place(self) -> int | None:
        return None if self.now is None else min(int(self.now), self.width - 1)

    @property
    def bars(self) -> list[Rectangle]:
        shown = []
        for position, place in enumerate(self.places):
            values = [
                (value if each.style != "line" else 0, each.style)
                for each, value in zip(self.series, place.values, strict=True)
            ]
            tops = accumulate(value for value, _ in values)
            for (value, style), top in zip(values, tops, strict=True):
                if value:
                    y = self._y(top)
                    shown.append(Rectangle(position + (1 - BAR) / 2, y, BAR, self._y(top - value) - y, style))
        return shown

    @property
    def lines(self) -> list[str]:
        """The points of each line, through the middle of its places."""
        return [
            " ".join(f"{x + 0.5:g},{self._y(place.values[number]):.2f}" for x, place in enumerate(self.places))
            for number, each in enumerate(self.series)
            if each.style == "line"
        ]

    @property
    def rows(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The rows of the table: each name, and its values with the labels of their series."""
        labels = [each.label for each in self.series]
        return [(place.name, list(zip(labels, map(self.show, place.values), strict=True))) for place in self.places]

    def show(self, value: float) -> str:
        return f"{at_most(value)}{self.unit}"

    def _height(self, place: Place) -> float:
        lines = [value for each, value in zip(self.series, place.values, strict=True) if each.style == "line"]
        return max(sum(place.values) - sum(lines), *lines, 0)

    def _y(self, value: float) -> float:
        return 100 - 100 * value / self.ticks[-1]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the newest videos, with the `length` of its bar in percent; `channel_id` if it is a channel's."""

    label: str
    videos: int
    percent: str
    length: float
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day's searches, drawn from `x` on, in percent."""

    label: str
    style: str
    searches: int
    x: float
    width: float


def budget(today: SchedulingReport) -> list[Part]:
    """Return the day's searches, from those used to those that are reserved; none if there are no searches."""
    searches, planned = today.scheduled, int(today.planned)
    if not searches.limit:
        return []
    parts = [
        ("used", "used", searches.used),
        ("planned", "planned", planned),
        ("not planned", "free", 0 if today.waits_until else searches.left - planned),
        ("kept for manual and first fetches", "kept", searches.unused if today.waits_until else searches.reserved),
    ]
    starts = accumulate((number for _, _, number in parts), initial=0)
    return [
        Part(label, style, number, 100 * start / searches.limit, 100 * number / searches.limit)
        for (label, style, number), start in zip(parts, starts, strict=False)
        if number or style == "used"
    ]


def hours(today: SchedulingReport) -> Chart:
    """Return today's searches per hour, and those planned for the hours to come."""
    # By the minute, so that a page that is polled more often does not differ each time.
    now, left, places = timezone.now().replace(second=0, microsecond=0), today.planned, list[Place]()
    for number, hour in enumerate(today.hours):
        end = hour.start + timedelta(hours=1)
        to_come = min(1.0, max(0.0, (end - now).total_seconds() / HOUR))
        planned = min(today.search_rate / 24 * to_come, left)
        left -= planned
        name = format_html("{} to {}", local_time(hour.start), local_time(end))
        label = "" if number % 3 else local_time(hour.start, with_zone=False)
        places.append(
            Place(
                name,
                (hour.searches or 0, planned) if today.planned else (hour.searches or 0,),
                label,
                is_minor=number % 6 != 0,
            )
        )
    used = [hour.searches for hour in today.hours if hour.searches is not None]
    series = [Series("used", "bar"), Series("planned", "planned")]
    return Chart(
        id="hours",
        title="Searches today, per hour",
        of="Hour",
        series=series if today.planned else series[:1],
        places=places,
        summary=f"{_searches(sum(used))} so far, at most {max(used)} in an hour",
        nothing="No searches in the fetch log today, and none planned until the reset.",
        note=format_html("The day begins at {}, midnight in California.", local_time(today.hours[0].start)),
        now=(now - today.hours[0].start).total_seconds() / HOUR,
        labels_begin=True,
    )


def searches(used: Sequence[DayUsed], limit: int = 0) -> Chart:
    """Return the searches of the last days, with a line at today's limit."""
    most = max(day.searches for day in used)
    begins = local_time(pacific.start_of(used[-1].day))
    return Chart(
        id="searches",
        title=f"Searches used in the last {len(used)} days",
        of="Day",
        series=[Series("used", "bar")],
        places=_of_days([(day.day, (day.searches,)) for day in used]),
        summary=f"{_searches(sum(day.searches for day in used))}, at most {most} in a day",
        nothing=f"No searches in the last {len(used)} days.",
        note=format_html("Days begin at midnight in California, today at {}.", begins),
        limit=limit if 0 < limit <= HIGHEST_LIMIT * most else None,
        now=len(used) - 1 + pacific.share_elapsed(timezone.now()),
    )


def videos(days: Sequence[VideosOfDay]) -> Chart:
    """Return the videos that were found, and those that were published, on each of the last days."""
    found, published = sum(day.found for day in days), sum(day.published for day in days)
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Chart(
        id="videos",
        title="Videos per day",
        of="Day",
        series=[Series("found", "bar"), Series("published", "line")],
        places=_of_days([(day.day, (day.found, day.published)) for day in days]),
        summary=f"{found:,} found and {published:,} published in {len(days)} days",
        nothing=f"No videos were found or published in the last {len(days)} days.",
        note=format_html("Days begin at midnight in UTC, today at {}.", local_time(midnight)),
        now=len(days) - 1 + (now - midnight).total_seconds() / DAY,
    )


def delays(delay: Delay) -> Chart:
    """Return which share of the videos was found how long after their publication."""
    bounds = [step.within for step in delay.steps]
    names = [
        f"{_short(low)} to {_short(high)}" if low and high else f"within {_short(high)}" if high else "later"
        for low, high in pairwise([None, *bounds])
    ]
    shares = [100 * step.videos / delay.videos for step in delay.steps]
    places = [
        Place(name, (share,), f"≤ {_short(bound)}" if bound else "more", is_minor=number % 2 == 1)
        for number, (name, share, bound) in enumerate(zip(names, shares, bounds, strict=True))
    ]
    return Chart(
        id="delays",
        title="Found after publication",
        of="Delay",
        series=[Series("of the videos", "bar")],
        places=places,
        summary=f"{delay.within_1h:.0%} within an hour, half of them within {span(delay.median)}",
        nothing="",
        unit=" %",
    )


def channels(newest: Newest) -> list[Share]:
    """Return the channels with most of the newest videos."""
    return _shares([(each.channel_title, each.videos, each.channel_id) for each in newest.channels], newest.videos)


def sources(newest: Newest) -> list[Share]:
    """Return which source found how many of the newest videos."""
    rows = [(VideoFetchMethod(method).label, videos, "") for method, videos in newest.methods.items()]
    return _shares(rows, newest.videos)


def _shares(rows: Sequence[tuple[str, int, str]], whole: int) -> list[Share]:
    most = max((videos for _, videos, _ in rows), default=0)
    return [
        Share(label, videos, _percent(videos / whole), 100 * videos / most, pk) for label, videos, pk in rows if whole
    ]


def _percent(share: float) -> str:
    return "less than 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")


def _of_days(days: Sequence[tuple[date, tuple[float, ...]]]) -> list[Place]:
    """Return places with a label for about every seventh, counted back from today."""
    every = max(1, ceil(len(days) / LABELS))
    places = []
    for number, (day, values) in enumerate(days):
        back = len(days) - 1 - number
        label = "" if back % every else f"{day.day} {day:%b}"
        places.append(Place(f"{day:%a} {day.day} {day:%B}", values, label, is_minor=back // every % 2 == 1))
    return places


def _short(seconds: int) -> str:
    return span(seconds, parts=1)


def _step(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... that is at least `least`."""
    power = 10.0 ** max(0, ceil(log10(least)) - 1) if least > 1 else 1.0
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))


def _searches(number: int) -> str:
    return f"{number:,} search{'' if number == 1 else 'es'}"
