"""When videos about a topic appear: a Poisson process, generated only for the periods that are requested."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from simulator import seeded
from simulator.content import Channel, Content, generate_content
from simulator.queries import fold

# The approximate number of videos per period.
_VIDEOS_PER_PERIOD = 16
# With `rhythm`, the rate of the quietest hour relative to the busiest one.
_NIGHT_ACTIVITY = 0.2


@dataclass(slots=True, eq=False)
class Video:
    """One video. Moments in Unix seconds; `indexed_at` is when search starts to show it."""

    video_id: str
    published_at: int
    indexed_at: int
    topics: tuple[str, ...]
    seed: int
    channel: Channel
    cached_content: Content | None = None
    cached_text: str | None = None

    @property
    def content(self) -> Content:
        """Return the content of the video; generated on first access, since most videos are never accessed."""
        if self.cached_content is None:
            self.cached_content = generate_content(self.topics, self.seed)
        return self.cached_content

    @property
    def text(self) -> str:
        """Return title and description, folded, for matching. No phrase spans both."""
        if self.cached_text is None:
            self.cached_text = f"{fold(self.content.title)} \0 {fold(self.content.description)}"
        return self.cached_text

    def live(self, now: int) -> str:
        """Return the liveBroadcastContent: `upcoming`, `live` or, also after the end, `none`."""
        broadcast = self.content.broadcast
        if broadcast is None or now >= self.published_at + broadcast.ended:
            return "none"
        return "live" if now >= self.published_at + broadcast.started else "upcoming"

    def views(self, now: int) -> int:
        """Return the number of views, most of which come in the first days."""
        if self.live(now) == "upcoming":
            return 0
        age = max(0, now - self.published_at)
        return int(self.content.appeal * (1 - math.exp(-age / 200_000)))


class Stream:
    """The videos about `topics` (one or two, folded), `rate` of them per hour.

    Time is divided into periods, and the videos of a period are derived from the seed, the topics and the period
    alone: requests do not influence each other, and only the requested periods are generated. With `rhythm`, nights
    (UTC) are quieter than days, with the same average. `make` turns a moment, a number that is unique within the
    period, and 63 random bits into the video.
    """

    def __init__(
        self,
        seed: int,
        topics: tuple[str, ...],
        rate: float,
        rhythm: bool,
        make: Callable[[int, int, int], Video],
    ) -> None:
        self.rate = rate
        self._seed_words = (seed, *topics)
        self._rhythm = rhythm
        self._make = make
        peak = rate * 2 / (1 + _NIGHT_ACTIVITY) if rhythm else rate
        self._per_second = peak / 3600
        # A power of two of hours, from 0.9 s to 43 days, that depends on the rate alone.
        exponent = round(math.log2(_VIDEOS_PER_PERIOD / peak)) if peak else 10
        self._length = 3600 * 2.0 ** min(10, max(-12, exponent))
        self._periods: dict[int, list[Video]] = {}

    def newest_first(self, after: int, before: int) -> Iterator[Video]:
        """Yield the videos published from `after` to `before`, both inclusive, newest first."""
        if not self._per_second or before < after:
            return
        first, last = int(after // self._length), int(before // self._length)
        for period in range(last, first - 1, -1):
            for video in self._period(period):
                if after <= video.published_at <= before:
                    yield video

    def _period(self, period: int) -> list[Video]:
        """Return the videos of a period, newest first."""
        videos = self._periods.get(period)
        if videos is None:
            videos = self._periods[period] = self._generate(period)
        return videos

    def _generate(self, period: int) -> list[Video]:
        rng = seeded.generator("span", *self._seed_words, period)
        at, end = period * self._length, (period + 1) * self._length
        videos: list[Video] = []
        while (at := at + rng.expovariate(self._per_second)) < end:
            if not self._rhythm or rng.random() < _activity(at):
                videos.append(self._make(int(at), len(videos), rng.getrandbits(63)))
        videos.reverse()
        return videos


def _activity(moment: float) -> float:
    """Return the relative rate of an hour: `_NIGHT_ACTIVITY` at 4 am UTC, 1 at 4 pm."""
    hour = datetime.fromtimestamp(moment, UTC).hour
    return _NIGHT_ACTIVITY + (1 - _NIGHT_ACTIVITY) * (1 - math.cos((hour - 4) / 24 * 2 * math.pi)) / 2
