"""The simulated days of a strategy: a simulator that publishes, and a Windhover whose clock is moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings

from apps.quota import keys, report
from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, Match, VideoLog
from benchmarks.quota.figures import Figures
from benchmarks.quota.setting import BEGIN, Setting
from benchmarks.simulated_time import SimulatedTime, simulated_time
from simulator import Clock, Project, Simulator, World


class Days:
    """The measured days and those before, at whose start all keywords are added and first fetched."""

    def __init__(self, setting: Setting, simulator: Simulator, time: SimulatedTime) -> None:
        self.setting = setting
        self.simulator = simulator
        self.time = time
        self.keywords = [KeyWordEntry.objects.create(keyword=word).pk for word in setting.rates]
        time.carry_out()

    def move_to(self, moment: datetime) -> None:
        """Move the time that Windhover and YouTube share."""
        self.time.move_to(moment)
        self.simulator.clock.set(moment)

    def fetch(self, keyword: int) -> VideoLog | None:
        """Fetch a keyword manually."""
        return fetch_keyword(KeyWordEntry.objects.get(pk=keyword), VideoLog.Trigger.MANUAL)

    def searches(self, moment: datetime | None = None) -> int:
        """Return the number of searches made on the day of a moment, by default today, as counted by the simulator."""
        projects, moment = self.simulator.projects, moment or self.simulator.clock.now()
        return sum(projects.spent(project.name, "search", moment) for project in projects)

    def measure(self) -> Figures:
        """End the last day, and compare what was found with what the simulator has shown."""
        end = self.setting.end
        last_second = end - timedelta(seconds=1)
        self.move_to(last_second)
        searches = max(self.searches(BEGIN + timedelta(days=day)) for day in range(self.setting.days))
        shown, missed, delays, waits = 0, 0, list[float](), list[float]()
        for entry in KeyWordEntry.objects.filter(pk__in=self.keywords):
            found = dict(Match.objects.filter(keyword=entry).values_list("video", "created_at"))
            last_search = entry.searched_through.timestamp() if entry.searched_through else 0
            for video in self.simulator.world.search(entry.keyword, last_second, published_after=BEGIN):
                shown += 1
                if found_at := found.get(video.video_id):
                    delays.append((found_at.timestamp() - video.indexed_at) / 60)
                    continue
                waits.append((end.timestamp() - video.indexed_at) / 60)
                missed += video.indexed_at <= last_search
        return Figures(searches, usable_searches(), shown, missed, sorted(delays), waits)


@contextmanager
def begin(setting: Setting) -> Iterator[Days]:
    """Start the days, whose videos are derived from `setting` alone. The database must be empty."""
    world = World(
        setting.seed,
        rates={word: videos / 24 for word, videos in setting.rates.items()},
        mentions=0,
        rhythm=True,
        started_at=setting.start,
        or_recall=setting.or_recall,
        or_words=setting.or_words,
    )
    projects = [Project(name, [key]) for name, key in setting.projects.items()]
    with (
        simulated_time(setting.start) as time,
        Simulator(world, projects=projects, clock=Clock(setting.start, frozen=True)) as simulator,
    ):
        settings.YOUTUBE_API_URL = simulator.youtube_url
        keys.sync()
        yield Days(setting, simulator, time)


def usable_searches() -> int:
    """Return the daily limit for scheduled searches, which applies to all strategies but the first."""
    return report.scheduled_searches().per_day
