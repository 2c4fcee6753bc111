"""What is published, when, and what a search shows of it."""

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import islice, repeat
from typing import Literal

from simulator import seeded, video_ids, words
from simulator.content import DESCRIPTION_LENGTH, TITLE_LENGTH, Broadcast, Channel, generate_channel, generate_content
from simulator.queries import Query, all_occur, fold, occurs
from simulator.streams import Stream, Video

# YouTube returns about this many results of one search, over all pages.
SEARCH_DEPTH = 500
# The maximum length of a playlist of uploads.
_UPLOADS_DEPTH = 20_000
# Channels that publish about one topic.
_CHANNELS_PER_TOPIC = 12

# The topics of a stream: one or two, folded.
_Topics = tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """The result of a search: the approximate number of matches, and the newest of them, newest first."""

    count: int
    videos: list[Video]


class World:
    """A world of videos, derived from `seed`, in which new ones are published as time passes.

    Every topic has its own stream; a new topic gets one when it is first searched.

    - `rate`: videos per hour about a typical topic. Topics differ by a factor derived from the seed and the topic:
      half of them get less, but at least half of it; a few get up to twenty times as much.
    - `rates`: videos per hour about these topics, exactly.
    - `mentions`: the share of the built-in topics' videos that are about two of them; part of their rates.
    - `history`: how long before `started_at` (default: now) the oldest video was published.
    - `index_delay`: maximum seconds until search shows a video; the minimum is a minute, unless this is less.
    - `date_jitter`: seconds by which `order=date` may misplace a video.
    - `rhythm`: publish less at night than during the day.
    - `or_recall`: the share of its videos that a search with alternatives (`a|b`) shows; always the same ones.
    - `or_limit`: such a query is refused if it has more characters.
    - `or_words`: "broken" lets a search in which an alternative has several words show only what has all words.
    - `topics`: topics searched before a restart, so that their videos are found by id again.
      `on_new_topic` is called with each new topic.

    Moments are aware datetimes, or Unix seconds where they are ints. Thread-safe.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        rate: float = 2.0,
        rates: Mapping[str, float] | None = None,
        mentions: float = 0.25,
        history: timedelta = timedelta(days=30),
        started_at: datetime | None = None,
        index_delay: float = 90 * 60,
        date_jitter: float = 5 * 60,
        rhythm: bool = False,
        or_recall: float = 1.0,
        or_words: Literal["work", "broken"] = "work",
        or_limit: int | None = None,
        topics: Iterable[str] = (),
        on_new_topic: Callable[[str], None] | None = None,
    ) -> None:
        self.seed = seed
        self.started_at = started_at or datetime.now(UTC)
        self.index_delay = index_delay
        self.date_jitter = date_jitter
        self.rhythm = rhythm
        self.or_recall = or_recall
        self.or_words = or_words
        self.or_limit = or_limit
        self._rate = rate
        self._rates = {fold(topic): per_hour for topic, per_hour in (rates or {}).items()}
        self._mentions = mentions
        self._oldest = int((self.started_at - history).timestamp())
        self._salt = seeded.number("salt", seed)
        self._lock = threading.RLock()
        self._streams: dict[_Topics, Stream] = {}
        self._streams_by_number: dict[int, list[_Topics]] = {}
        self._channels: dict[str, Channel] = {}
        self._published: dict[str, Video] = {}
        self._deleted: set[str] = set()
        self._topics: dict[str, None] = {}
        self._on_new_topic: Callable[[str], None] | None = None
        self._built_in = tuple(fold(topic) for topic in words.TOPICS)
        self._total_rate = sum(map(self.rate, self._built_in))
        for topic in (*self._built_in, *self._rates, *topics):
            self.add_topic(topic)
        self._on_new_topic = on_new_topic

    @property
    def topics(self) -> tuple[str, ...]:
        """Return all topics known so far, folded: the built-in ones, then those given or searched."""
        return tuple(self._topics)

    def rate(self, topic: str) -> float:
        """Return the videos per hour about a topic, including those it shares with another."""
        folded = fold(topic)
        if folded in self._rates:
            return self._rates[folded]
        return self._rate * min(20.0, 0.5 / seeded.fraction("rate", self.seed, folded))

    def add_topic(self, topic: str) -> None:
        """Add a topic, as searching for it does, so that its videos are found by id."""
        folded = fold(topic)
        with self._lock:
            if folded in self._topics:
                return
            self._topics[folded] = None
            for topics in self._streams_about(folded):
                known = self._streams_by_number.setdefault(_stream_number(topics), [])
                if topics not in known:
                    known.append(topics)
            if self._on_new_topic:
                self._on_new_topic(folded)

    # Reading

    def search(
        self,
        text: str,
        now: datetime,
        *,
        published_after: datetime | None = None,
        published_before: datetime | None = None,
        unindexed: bool = False,
    ) -> list[Video]:
        """Return all matching videos that search shows at `now`, newest first.

        `unindexed` adds those that are published but not shown yet.
        """
        return self.find(
            text,
            int(now.timestamp()),
            after=int(published_after.timestamp()) if published_after else None,
            before=int(published_before.timestamp()) if published_before else None,
            limit=None,
            unindexed=unindexed,
        ).videos

    def find(
        self,
        text: str,
        now: int,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = SEARCH_DEPTH,
        keep: Callable[[Video], bool] | None = None,
        unindexed: bool = False,
    ) -> Found:
        """Return the `limit` newest videos that match and that `keep` keeps, both ends included.

        Takes milliseconds; the first search of a period takes longer, since it generates the videos.
        """
        query = Query.parse(text)
        or_recall = self.or_recall if query.has_or else 1.0
        read = query.as_read_word_by_word() if self.or_words == "broken" else query
        low = self._oldest if after is None else max(after, self._oldest)
        high = now if before is None else min(now, before)
        with self._lock:
            sources = self._sources(query)
            candidates = heapq.merge(
                *(zip(stream.newest_first(low, high), repeat(certain)) for stream, certain in sources),
                zip(self._published_between(low, high), repeat(False)),
                key=lambda candidate: _newest_first(candidate[0]),
            )
            shown = (
                video
                for video, certain in candidates
                if (unindexed or video.indexed_at <= now)
                and video.video_id not in self._deleted
                and ((certain and read is query) or read.matches(video.text))
                and (or_recall == 1 or seeded.fraction("or", self.seed, video.video_id) < or_recall)
                and (keep is None or keep(video))
            )
            videos = list(islice(shown, limit))
        count = len(videos)
        if count == limit:
            # Counting the rest would generate it; YouTube's totals are estimates, too.
            count = max(count, round(sum(stream.rate for stream, _ in sources) * (high - low) / 3600))
        return Found(count, videos)

    def video(self, video_id: str, now: datetime) -> Video | None:
        """Return a published video by its id, or None if it does not exist or was deleted.

        A video about a topic that was never added or searched is not found; see `add_topic`.
        """
        with self._lock:
            if video_id in self._deleted:
                return None
            video = self._published.get(video_id) or self._look_up(video_id)
        return video if video and video.published_at <= now.timestamp() else None

    def channel(self, channel_id: str) -> Channel | None:
        """Return a channel by its id, or None."""
        with self._lock:
            if channel_id not in self._channels:
                for topic in self._topics:
                    self.channels(topic)
            return self._channels.get(channel_id)

    def channels(self, topic: str) -> list[Channel]:
        """Return the channels that publish about a topic, the busiest first."""
        with self._lock:
            return [self._channel(fold(topic), position) for position in range(_CHANNELS_PER_TOPIC)]

    def uploads(self, channel: Channel, now: datetime) -> list[Video]:
        """Return what a channel has published, newest first."""
        moment = int(now.timestamp())
        with self._lock:
            streams = [self._stream(topics) for topics in self._streams_about(channel.topic)]
            candidates = heapq.merge(
                *(stream.newest_first(self._oldest, moment) for stream in streams),
                self._published_between(self._oldest, moment),
                key=_newest_first,
            )
            uploads = (
                video
                for video in candidates
                if video.channel.channel_id == channel.channel_id and video.video_id not in self._deleted
            )
            return list(islice(uploads, _UPLOADS_DEPTH))

    def date_rank(self, video: Video) -> float:
        """Return where `order=date` sorts a video: at its date, plus or minus `date_jitter`."""
        return video.published_at + self.date_jitter * ((video.seed >> 8) % 2001 / 1000 - 1)

    # Changing

    def publish(
        self,
        topic: str,
        *,
        published_at: datetime,
        video_id: str | None = None,
        title: str | None = None,
        description: str | None = None,
        channel_title: str | None = None,
        duration: int | None = None,
        indexed_at: datetime | None = None,
        broadcast: Broadcast | None = None,
    ) -> Video:
        """Publish this video; values that are not given are generated from `topic`.

        Searches that match its title and description show it from `indexed_at` on (default: `published_at`).
        ValueError if the id is taken or malformed, if a text is too long, or if the title contains < or >.
        """
        moment = int(published_at.timestamp())
        video_id = video_id or seeded.letters(8, "by hand", self.seed, topic, title, moment, len(self._published))
        if len(video_id) != 11:
            raise ValueError("A video id has 11 characters.")
        if len(title or "") > TITLE_LENGTH or len(description or "") > DESCRIPTION_LENGTH:
            raise ValueError(f"A title has at most {TITLE_LENGTH} characters, a description {DESCRIPTION_LENGTH}.")
        if title is not None and ("<" in title or ">" in title):
            raise ValueError("A title cannot contain < or >.")
        folded = fold(topic)
        seed = seeded.number("by hand", self.seed, folded, video_id)
        content = generate_content((folded,), seed)
        content = replace(
            content,
            title=content.title if title is None else title,
            description=content.description if description is None else description,
            duration=content.duration if duration is None else duration,
            broadcast=broadcast,
        )
        with self._lock:
            if video_id in self._published or self._look_up(video_id):
                raise ValueError(f"Video {video_id} already exists.")
            channel = self._channel(folded, seed % _CHANNELS_PER_TOPIC)
            if channel_title is not None:
                channel_id = "UC" + seeded.letters(16, "channel by hand", self.seed, channel_title)
                own = replace(channel, channel_id=channel_id, title=channel_title)
                channel = self._channels.setdefault(channel_id, own)
            indexed = moment if indexed_at is None else int(indexed_at.timestamp())
            video = Video(video_id, moment, indexed, (folded,), seed, channel, content)
            self._published[video_id] = video
        return video

    def delete(self, video_id: str) -> None:
        """Delete a video from search and all lists."""
        with self._lock:
            self._deleted.add(video_id)

    # Generating

    def _sources(self, query: Query) -> list[tuple[Stream, bool]]:
        """Return the streams that may contain matches, each once, and whether all of its videos match."""
        sources: dict[_Topics, bool] = {}
        if not query.alternatives:
            sources = {(topic,): not query.excluded for topic in self._built_in}
        for terms in query.alternatives:
            topic = " ".join(terms)
            self.add_topic(topic)
            for candidate in (topic, *self._built_in):
                certain = all_occur(terms, candidate)
                # "python tutorial" also matches some of the videos about "python".
                if certain or all(occurs(word, topic) for word in candidate.split()):
                    for topics in self._streams_about(candidate):
                        sources[topics] = sources.get(topics, False) or (certain and not query.excluded)
        return [(self._stream(topics), certain) for topics, certain in sources.items()]

    def _streams_about(self, topic: str) -> list[_Topics]:
        """Return the streams of a topic: its own, and one with each topic it shares videos with."""
        if topic not in self._built_in or not self._mentions:
            return [(topic,)]
        others = (other for other in self._built_in if other != topic)
        return [(topic,), *((topic, other) if topic < other else (other, topic) for other in others)]

    def _stream(self, topics: _Topics) -> Stream:
        stream = self._streams.get(topics)
        if stream is None:
            make = partial(self._make, topics)
            stream = self._streams[topics] = Stream(self.seed, topics, self._rate_of(topics), self.rhythm, make)
        return stream

    def _rate_of(self, topics: _Topics) -> float:
        """Divide the rates of the topics among streams: independent streams add up, so each topic keeps its rate."""
        first = self.rate(topics[0])
        if topics[0] not in self._built_in or not self._mentions or not self._total_rate:
            return first
        if len(topics) == 2:
            return self._mentions * first * self.rate(topics[1]) / self._total_rate
        return first * (1 - self._mentions * (1 - first / self._total_rate))

    def _make(self, topics: _Topics, published_at: int, number: int, seed: int) -> Video:
        video_id = video_ids.encode(self._salt, _stream_number(topics), published_at, number)
        shortest = min(60.0, self.index_delay)
        # Cubed, so that most delays are short and a few long.
        delay = shortest + (self.index_delay - shortest) * ((seed >> 20) % 1000 / 999) ** 3
        # Squared, so that a few channels publish most.
        position = int(((seed >> 40) % 1000 / 1000) ** 2 * _CHANNELS_PER_TOPIC)
        channel = self._channel(topics[seed % len(topics)], position)
        return Video(video_id, published_at, published_at + int(delay), topics, seed, channel)

    def _look_up(self, video_id: str) -> Video | None:
        """Return the video of a stream with this id, generating only the period that contains it."""
        try:
            number, moment = video_ids.decode(self._salt, video_id)
        except ValueError:
            return None
        for topics in self._streams_by_number.get(number, ()):
            for video in self._stream(topics).newest_first(max(self._oldest, moment), moment):
                if video.video_id == video_id:
                    return video
        return None

    def _published_between(self, low: int, high: int) -> Iterator[Video]:
        videos = (video for video in self._published.values() if low <= video.published_at <= high)
        return iter(sorted(videos, key=_newest_first))

    def _channel(self, topic: str, position: int) -> Channel:
        channel = _channel_at(self.seed, topic, position)
        return self._channels.setdefault(channel.channel_id, channel)


def _newest_first(video: Video) -> int:
    return -video.published_at


@lru_cache(maxsize=16_384)
def _stream_number(topics: _Topics) -> int:
    """Return the 16 bits that identify a stream in its videos' ids."""
    return seeded.number("stream", *topics) & 0xFFFF


@lru_cache(maxsize=16_384)
def _channel_at(seed: int, topic: str, position: int) -> Channel:
    channel_id = "UC" + seeded.letters(16, "channel", seed, topic, position)
    return generate_channel(topic, channel_id, seeded.generator("channel", channel_id))
