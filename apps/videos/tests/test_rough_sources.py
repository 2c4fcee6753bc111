"""Searches of a source that is rough, late and repetitive, at any rate and with outages: nothing is missed silently.

The source and the keyword are simple stand-ins, so that hundreds of fetches take a second; the search is the real one.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
import time_machine
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apps.quota.ledger import Purpose
from apps.videos.fetching import searching
from apps.videos.fetching.gaps import INDEX_DELAY, Gap
from core.found_video import FoundVideo
from core.youtube_api import SearchPage

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Listed(NamedTuple):
    """A video with the moments at which it is published and shown, and the date by which it is sorted."""

    published: float
    shown: float
    rank: float
    video: FoundVideo


@dataclass
class Source:
    """A source that publishes `per_hour` videos, shows them up to `delay` seconds late, and sorts them by a date that
    is wrong by up to `jitter` seconds. One in ten pages repeats a video of the page before."""

    seed: int
    per_hour: float
    jitter: float
    delay: float
    hours: float
    videos: list[Listed] = field(default_factory=list)
    searches: int = 0

    def __post_init__(self) -> None:
        self.rng, at = Random(self.seed), START.timestamp() - 3600
        while (at := at + self.rng.expovariate(self.per_hour / 3600)) < START.timestamp() + self.hours * 3600:
            published = float(int(at))
            shown = published + self.delay * self.rng.random() ** 3
            video: Any = SimpleNamespace(
                video_id=len(self.videos), published_exact=True, published_at=datetime.fromtimestamp(published, UTC)
            )
            rank = published + self.rng.uniform(-self.jitter, self.jitter)
            self.videos.append(Listed(published, shown, rank, video))
        self.published = [one.published for one in self.videos]

    def shown(self, now: datetime, after: datetime | None = None, before: datetime | None = None) -> list[Listed]:
        low = bisect_left(self.published, int(after.timestamp())) if after else 0
        high = bisect_left(self.published, int(min(before or now, now).timestamp()) + 1)
        return [one for one in self.videos[low:high] if one.shown <= now.timestamp()]

    def search(
        self,
        query: str,
        purpose: Purpose,
        *,
        published_after: datetime | None = None,
        published_before: datetime | None = None,
        page_token: str | None = None,
    ) -> SearchPage:
        self.searches += 1
        shown = self.shown(datetime.now(UTC), published_after, published_before)
        ordered = nlargest(500, shown, key=lambda one: one.rank)
        begin = int(page_token or 0)
        videos = [one.video for one in ordered[begin : begin + 50]]
        if begin and self.rng.random() < 0.1:
            videos.insert(0, ordered[begin - 1].video)
            videos = videos[:50]
            begin -= 1
        more = begin + 50 < len(ordered)
        return SearchPage(tuple(videos), more, str(begin + 50) if more else None)


@dataclass
class Watch:
    """A keyword and its fetches of `source`; `found` are the ids of the videos found."""

    source: Source
    interval: float
    mark: datetime | None = None
    gaps: Sequence[Gap] = ()
    found: set[str] = field(default_factory=set)
    dates: list[datetime] = field(default_factory=list)
    fetched_at: list[float] = field(default_factory=list)
    unlisted: int = 0

    def fetch(self) -> None:
        now = datetime.now(UTC)
        entry: Any = SimpleNamespace(
            pk=1,
            keyword="word",
            searched_through=self.mark,
            created_at=START,
            current_interval=self.interval,
            rate=24 * len(self.found) / ((now - START) / timedelta(hours=1) + 1),
        )
        youtube: Any = self.source
        with patch.multiple(searching, _known_dates=self.known_dates, _stored_gaps=lambda entries: list(self.gaps)):
            result = searching._search_youtube([entry], youtube, Purpose.SCHEDULE)
        assert result.gaps is not None
        new = {video.video_id: video.published_at for video in result.videos if video.video_id not in self.found}
        self.found |= new.keys()
        self.dates = sorted([*self.dates, *new.values()])
        self.mark, self.gaps, self.unlisted = now, result.gaps, result.unlisted
        self.fetched_at.append(now.timestamp())

    def known_dates(self, entry: Any, after: datetime, before: datetime, limit: int) -> list[datetime]:
        return [date for date in reversed(self.dates) if after <= date <= before][:limit]

    def missing(self) -> list[Listed]:
        """Return the videos that the source showed at the last fetch, and that were not found."""
        assert self.mark
        return [one for one in self.source.shown(self.mark, START) if one.video.video_id not in self.found]

    def overdue(self) -> list[Listed]:
        """Return the missing videos that the source already showed at the last fetch but one, without late ones."""
        before = self.fetched_at[-2] if len(self.fetched_at) > 1 else 0
        return [one for one in self.missing() if one.shown <= before and not self.was_late(one)]

    def silent(self) -> list[Listed]:
        """Return the missing videos that lie in no gap, but those that were shown late: they are left to the next
        search until they are older than INDEX_DELAY."""
        return [
            one
            for one in self.missing()
            if not any(gap.after.timestamp() <= one.published <= gap.before.timestamp() for gap in self.gaps)
            and not (self.was_late(one) and one.published >= self.fetched_at[-1] - INDEX_DELAY.total_seconds())
        ]

    def was_late(self, one: Listed) -> bool:
        """Return whether a search came between the video's publication and the moment it was shown."""
        return any(one.published <= moment < one.shown for moment in self.fetched_at)

    def urgent(self) -> timedelta:
        return sum((gap.before - gap.after for gap in self.gaps if not gap.late), timedelta())


def watch(source: Source, interval: float, outages: Sequence[float], *, suffices: bool) -> Watch:
    """Fetch every `interval` seconds, with pauses of so many seconds after ten fetches each; check each fetch.

    If five pages per fetch suffice, each video must be found within two intervals.
    """
    watched, moment = Watch(source, interval), START
    pauses = [0.0] * 10
    for outage in outages:
        pauses += [outage] + [0.0] * 10
    with time_machine.travel(START, tick=False) as clock:
        for pause in pauses:
            moment += timedelta(seconds=interval + pause)
            clock.move_to(moment)
            searches, urgent, found = source.searches, watched.urgent(), len(watched.found)
            watched.fetch()
            assert watched.silent() == []
            assert not suffices or watched.overdue() == []
            if source.searches > searches + 1:
                assert len(watched.found) >= found + 20 or watched.urgent() < urgent or not urgent, "it progresses"
    return watched


roughness_of_source = st.sampled_from([0.0, 40.0, 300.0])


@settings(max_examples=15, derandomize=True, deadline=None, phases=[Phase.generate])
@given(
    st.integers(0, 1000),
    st.integers(1, 600),
    st.floats(1, 50),  # videos per interval: five pages hold also what a backlog and late videos need
    roughness_of_source,
    st.sampled_from([0.0, 60.0, 5400.0]),
    st.lists(st.floats(1, 8), max_size=3),
)
def test_every_video_is_found_within_two_intervals_once_searches_suffice(
    seed: int, per_hour: int, per_interval: float, jitter: float, delay: float, outages: list[float]
) -> None:
    interval = max(20.0, min(per_interval / per_hour * 3600, 7200.0))
    hours = interval / 3600 * (11 * len(outages) + 11 + sum(outages))
    source = Source(seed, per_hour, jitter, delay, hours)
    watched = watch(source, interval, [interval * factor for factor in outages], suffices=True)
    assert [one for one in watched.missing() if not watched.was_late(one)] == []


@settings(max_examples=5, derandomize=True, deadline=None, phases=[Phase.generate])
@given(
    st.integers(0, 1000),
    st.sampled_from([20.0, 60.0, 120.0, 600.0]),
    roughness_of_source,
    st.sampled_from([0.0, 60.0]),
    st.lists(st.floats(60, 600), max_size=2),
)
def test_at_6000_videos_an_hour_nothing_is_silent(
    seed: int, interval: float, jitter: float, delay: float, outages: list[float]
) -> None:
    hours = interval / 3600 * (11 * len(outages) + 11) + sum(outages) / 3600
    watched = watch(Source(seed, 6000, jitter, delay, hours), interval, outages, suffices=False)
    if interval == 600:
        # Five pages span 150 s. Dates that are further out of order make them look longer, and the rate lower.
        least = 3000 if jitter <= 150 else 1500
        assert least < watched.unlisted < 7000, "4,500 per hour do not fit into five pages each ten minutes"


@pytest.mark.parametrize("jitter", [0, 40, 300])
def test_a_backlog_is_read_without_reading_again(jitter: float) -> None:
    """140 videos a minute, and an outage of ten minutes: 1,400 videos, 250 per fetch at most."""
    source = Source(5, 140 * 60, jitter, 0, 1)
    watched = watch(source, 20, [600, 0], suffices=False)
    assert watched.missing() == []
