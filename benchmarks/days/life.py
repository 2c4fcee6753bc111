"""One process that lives through the days: it plans, fetches, stores and does all chores, as beat and the worker do."""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import psutil
from django.conf import settings
from django.db import connection
from django.db.models import Min, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.quota import keys, pacific
from apps.quota.models import ApiKey
from apps.videos.models import KeyWordEntry, Video, VideoLog
from benchmarks.beat import Beat
from benchmarks.days import faults
from benchmarks.days.youtube import YouTube
from benchmarks.simulated_time import SimulatedTime, simulated_time

# So many of the stored videos are deleted by their channels on each day.
DELETED_PER_DAY: Final = 10


@dataclass(frozen=True, slots=True)
class Day:
    """The state at the end of a day, and what was done in it; bytes, days and numbers of rows."""

    number: int
    fault: str
    searches: int
    new_videos: int
    videos: int
    logs: int
    memory: int
    size: int
    oldest_data: float


@dataclass(frozen=True, slots=True)
class Line:
    """A message in the logs: of the program, or of a fetch that failed."""

    moment: datetime
    message: str


class Lines(logging.Handler):
    """Keeps the program's messages of level WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = f"{record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1]:
            message += f" ({record.exc_info[1]!r})"
        self.lines.append(Line(timezone.now(), message))


class Life:
    """Windhover from `start` on; `lines` are the messages of its logs."""

    def __init__(self, youtube: YouTube, time: SimulatedTime, keywords: list[str], seed: int, days: int) -> None:
        self.days = _days(timezone.now(), days)
        self.injections = list(faults.injections(self.days[:-1]))
        self.deleted: dict[str, datetime] = {}
        self._youtube, self._time, self._chance = youtube, time, random.Random(seed)
        self._program = Lines()
        logging.disable(logging.NOTSET)
        logging.getLogger().handlers = [self._program]
        settings.YOUTUBE_API_URL = youtube.url
        keys.sync()
        for word in keywords:
            KeyWordEntry.objects.create(keyword=word)
        time.carry_out()

    def live(self) -> Iterator[Day]:
        """Let the days pass; yield each."""
        beat, events = Beat(), self._events()
        for number, midnight in enumerate(self.days[1:], 1):
            while (moment := min([beat.next_due(), *(when for when, _ in events[:1])])) < midnight:
                self._move_to(moment)
                if events and moment == events[0][0]:
                    events.pop(0)[1]()
                else:
                    self._time.messages += beat.due()
                    self._time.carry_out()
            self._move_to(midnight)
            yield self._day(number)
            self._delete_some()

    def _events(self) -> list[tuple[datetime, Callable[[], None]]]:
        """Return when which fault begins and ends, earliest first."""
        events: list[tuple[datetime, Callable[[], None]]] = []
        for one in self.injections:
            events += [(one.begins, partial(one.fault.inject, self._youtube)), (one.ends, self._end_fault)]
        return events

    def _end_fault(self) -> None:
        faults.end(self._youtube)
        keys.reactivate(*ApiKey.objects.all())  # as a person does, who has mended them

    def _move_to(self, moment: datetime) -> None:
        self._youtube.move_to(moment)
        self._time.move_to(moment)

    def _day(self, number: int) -> Day:
        # The simulated clock is a number with a fraction, and may be a little early.
        began, now = self.days[number - 1] - timedelta(milliseconds=1), timezone.now()
        logs = VideoLog.objects.filter(created_at__gte=began, created_at__lt=now)
        given_at = Video.objects.aggregate(
            oldest=Min(Coalesce("completed_at", "created_at"), filter=Q(blanked_at=None))
        )
        return Day(
            number,
            self.injections[number - 1].fault.name,
            logs.aggregate(total=Sum("searches"))["total"] or 0,
            Video.objects.filter(created_at__gte=began).count(),
            Video.objects.count(),
            VideoLog.objects.count(),
            psutil.Process().memory_info().rss,
            database_size(),
            (now - given_at["oldest"]) / timedelta(days=1),
        )

    def _delete_some(self) -> None:
        ids = sorted(Video.objects.filter(missing_since=None, blanked_at=None).values_list("pk", flat=True))
        for video_id in self._chance.sample(ids, min(DELETED_PER_DAY, len(ids))):
            self._youtube.delete(video_id)
            self.deleted[video_id] = timezone.now()

    @property
    def lines(self) -> list[Line]:
        failed = VideoLog.objects.filter(error=True).values_list("created_at", "error_code", "message")
        return [*self._program.lines, *(Line(moment, f"fetch {code}: {text}") for moment, code, text in failed)]

    def sizes(self) -> dict[str, int]:
        """Return how many bytes of the database videos take, with matches and full text, how many logs and all else;
        each with its indexes."""
        tables = "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"
        found = dict.fromkeys(("video", "log", "other"), 0)
        with connection.cursor() as cursor:
            for table, size in cursor.execute(tables).fetchall():
                is_of_videos = table in ("videos_video", "videos_match") or table.startswith("videos_fulltext")
                found["video" if is_of_videos else "log" if table == "videos_videolog" else "other"] += size
        return found

    def deleted_videos(self, ago: timedelta) -> tuple[int, int]:
        """Return how many videos YouTube has deleted so long ago, and what number of them is still described."""
        deleted = [video_id for video_id, moment in self.deleted.items() if moment < timezone.now() - ago]
        described = Video.objects.exclude(title="", description="", channel_title="").filter(pk__in=deleted)
        return len(deleted), described.count()

    def cause(self, line: Line) -> str:
        """Return what explains a line, or an empty text."""
        for one in self.injections:
            if one.explains(line.moment, line.message):
                return one.fault.name
        at_end = pacific.next_reset(line.moment) - line.moment <= faults.END_OF_DAY
        if at_end and any(part in line.message for part in faults.NO_SEARCHES):
            return "the day's searches were used as planned"
        return ""


def database_size() -> int:
    return Path(connection.settings_dict["NAME"]).stat().st_size


def _days(begins: datetime, number: int) -> list[datetime]:
    """Return when each of these days begins, in California, whose days quotas follow, and when the last one ends."""
    days = [begins]
    for _ in range(number):
        days.append(pacific.next_reset(days[-1]))
    return days


@contextmanager
def begin(youtube: YouTube, keywords: list[str], seed: int, days: int, start: datetime) -> Iterator[Life]:
    """Begin to live at `start`, a midnight in California. The database must be empty."""
    with simulated_time(start) as time:
        yield Life(youtube, time, keywords, seed, days)
