"""Invented videos, matches and fetch logs: always the same rows for the same number of videos.

Words follow Zipf's law: the second most frequent occurs half as often as the first, the third a third. Dates are text,
in UTC, as both databases read them.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# To be increased when other rows are generated: what was built before is then built again.
VERSION: Final = 1

Row = tuple[Any, ...]

# Half of the videos are matched by the first keyword, whose pages are measured. Their ids count from 1.
KEYWORDS: Final = [
    *(
        "birds",
        "falcons",
        "c++",
        "AC/DC",
        "50%",
        "#shorts",
        "日本語",
        "한국 요리",
        "Шахматы",
        "شطرنج",
        "ไทย",
        "käse",
        "🦅",
    ),
    *(f"keyword {number}" for number in range(14, 41)),
]

# Words to search for. No other word contains them, so a search for parts of words finds the same videos.
RARE: Final = "quetzalcoatlus"  # in twelve or thirteen videos
COMMON: Final = "feather"  # in a third of them
MOST_COMMON: Final = "of"  # in two thirds
ABSENT: Final = "archaeopteryx"

CHANNELS: Final = 5_000
LOGS_PER_VIDEO: Final = 0.2
END: Final = datetime(2026, 11, 1, tzinfo=UTC)
SECONDS_BETWEEN: Final = 150  # publications: a million take almost five years

VIDEO_COLUMNS: Final = [
    *("video_id", "title", "description", "published_at", "published_exact", "channel_id", "channel_title"),
    *("thumbnail", "duration", "live_state", "starts_at", "view_count", "views_read_at", "method", "keyword_id"),
    *("created_at", "updated_at", "completed_at", "missing_since"),
]
MATCH_COLUMNS: Final = ["keyword_id", "video_id", "method", "created_at", "published_at"]
LOG_COLUMNS: Final = [
    *("keyword_id", "keyword_text", "trigger", "status", "method", "number_found", "number_added", "message"),
    *("error_code", "searches", "units", "duration", "created_at"),
]

_FREQUENT: Final = [
    "the",
    "and",
    "to",
    "of",
    "a",
    "in",
    "this",
    "for",
    "with",
    COMMON,
    "you",
    "is",
    "how",
    "from",
    "my",
]
_SYLLABLES: Final = [
    *("ba", "be", "bo", "da", "de", "do", "ga", "go", "ka", "ke", "ko", "la", "le", "li", "lo", "ma", "me", "mi", "mo"),
    *("na", "ne", "ni", "no", "pa", "pe", "po", "ra", "re", "ri", "ro", "sa", "se", "so", "ta", "ti", "to", "va", "ve"),
    *("ndo", "sk", "rin", "tal"),
]
_ACCENTED: Final = ["é", "ü", "ñe", "ša"]  # every two hundredth word ends with one, and one of six texts has such words
_VOCABULARY: Final = 40_000
# The first and last letter of some scripts, and the length of a word.
_SCRIPTS: Final = [
    *(("ぁ", "ゖ", 4), ("ァ", "ヺ", 4), ("一", "鿋", 2), ("가", "힣", 3), ("а", "я", 6), ("ก", "ฮ", 5), ("ا", "ي", 5)),
    ("🌀", "🗿", 1),
]
_WORDS_OF_A_SCRIPT: Final = 400
_TITLE, _DESCRIPTION = 7, 42  # words: about 300 characters
_LETTERS: Final = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
_CHUNK: Final = 5_000  # videos generated at once


class Videos:
    """`number` videos in the order in which they were found, with their matches.

    After `chunks()` has ended, `matched` is the number of matches of each keyword.
    """

    def __init__(self, number: int, seed: int = 1) -> None:
        self.number = number
        self.matched = [0] * len(KEYWORDS)
        self._rng = np.random.default_rng(seed)
        self._channel_ids = ["UC" + name for name in _identifiers(self._rng, CHANNELS, 22)]
        self._latin = np.array(_FREQUENT + _latin_words(self._rng), dtype=object)
        self._scripts = [np.array(_script_words(self._rng, *script), dtype=object) for script in _SCRIPTS]

    def chunks(self) -> Iterator[tuple[list[Row], list[Row]]]:
        """Generate some thousand videos at a time, and their matches."""
        for start in range(0, self.number, _CHUNK):
            yield self._chunk(start, min(_CHUNK, self.number - start))

    def _chunk(self, start: int, size: int) -> tuple[list[Row], list[Row]]:
        rng = self._rng
        positions = np.arange(start, start + size)
        ids = _identifiers(rng, size, 11)
        published = int(END.timestamp()) - SECONDS_BETWEEN * (self.number - positions) + rng.integers(0, 3_600, size)
        created = published + 60 + rng.exponential(3_600, size)
        approximate = rng.random(size) < 0.03
        other = 2 + _ranks(rng, len(KEYWORDS) - 1, size)
        channels = _ranks(rng, CHANNELS, size).tolist()
        states = np.where(rng.random(size) < 0.02, "completed", "none")
        newest = (positions >= self.number - self.number // 2_500) & (rng.random(size) < 0.5)
        states = np.where(newest, np.where(rng.random(size) < 0.5, "live", "upcoming"), states)
        durations = rng.lognormal(6, 1.2, size).astype(int) + 1
        views = rng.lognormal(6, 2.5, size).astype(int)
        videos, matches = [], list[Row]()
        for position, texts, dates, is_estimate, later, channel, state, duration, view_count in zip(
            positions.tolist(),
            zip(ids, *self._texts(positions), strict=True),
            zip(_dates(published), _dates(published + 7_200), _dates(created, "us"), strict=True),
            approximate.tolist(),
            other.tolist(),
            channels,
            states.tolist(),
            durations.tolist(),
            views.tolist(),
            strict=True,
        ):
            video_id, title, description = texts
            published_at, starts_at, created_at = dates
            method = "invidious" if is_estimate else "youtube"
            # Of the first keyword's videos a fifth were found by another one later.
            found_by = (later,) if position % 2 else (1, later) if position % 10 == 0 else (1,)
            read_at = None if is_estimate else created_at
            videos.append(
                (
                    *(video_id, title, description, published_at, not is_estimate),
                    *(self._channel_ids[channel], f"Channel {channel + 1}"),
                    f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg",
                    None if is_estimate else duration,
                    *(state, None if state == "none" else starts_at),
                    *(None if is_estimate else view_count, read_at, method, found_by[0]),
                    *(created_at, created_at, read_at, None),
                )
            )
            for keyword in found_by:
                self.matched[keyword - 1] += 1
                matches.append((keyword, video_id, method, created_at, published_at))
        return videos, matches

    def _texts(self, positions: NDArray[np.int64]) -> tuple[list[str], list[str]]:
        """Return titles and descriptions. One of 16 is in another script than Latin."""
        rng, size = self._rng, len(positions)
        words = self._latin[_ranks(rng, len(self._latin), size * (_TITLE + _DESCRIPTION))].reshape(size, -1)
        for script in self._scripts:
            rows = np.flatnonzero(rng.random(size) < 1 / 16 / len(self._scripts))
            others = script[_ranks(rng, len(script), len(rows) * (_DESCRIPTION - 10))]
            words[rows, :-17] = others.reshape(len(rows), -1)
        has_rare = positions % max(1, self.number // 12) == 5
        words[has_rare, -1] = RARE
        lines = words.tolist()
        return [" ".join(line[:_TITLE]).capitalize() for line in lines], [" ".join(line[_TITLE:]) for line in lines]


def generate_logs(number: int, seed: int = 2) -> Iterator[Row]:
    """Generate `number` fetch logs, oldest first: nearly all fetches ended well, and the last three are running."""
    rng = np.random.default_rng(seed)
    keywords = _ranks(rng, len(KEYWORDS), number).tolist()
    failed = (rng.random(number) < 0.02).tolist()
    manual = (rng.random(number) < 0.01).tolist()
    added = rng.integers(0, 20, number).tolist()
    durations = rng.random(number).round(3).tolist()
    dates = _dates(int(END.timestamp()) - 600 * (number - np.arange(number)))
    for position in range(number):
        status = "running" if position >= number - 3 else "failed" if failed[position] else "done"
        done = status == "done"
        yield (
            keywords[position] + 1,
            KEYWORDS[keywords[position]],
            "manual" if manual[position] else "schedule",
            status,
            "youtube" if done else "",
            50 if done else 0,
            added[position] if done else 0,
            "Found 50 videos." if done else "",
            "source_unavailable" if status == "failed" else "",
            1,
            1 if done else 0,
            durations[position],
            dates[position],
        )


def _ranks(rng: np.random.Generator, most: int, size: int) -> NDArray[np.int64]:
    """Draw `size` ranks from 0 to `most` - 1 by Zipf's law."""
    weights = np.cumsum(1 / np.arange(1, most + 1))
    ranks: NDArray[np.int64] = np.searchsorted(weights, rng.random(size) * weights[-1])
    return ranks


def _identifiers(rng: np.random.Generator, number: int, length: int) -> list[str]:
    letters = _LETTERS[rng.integers(0, len(_LETTERS), (number, length))]
    return [str(identifier) for identifier in letters.view(f"<U{length}").ravel()]


def _latin_words(rng: np.random.Generator) -> list[str]:
    lengths = rng.choice([2, 2, 3, 3, 4], 2 * _VOCABULARY).tolist()
    syllables = np.array(_SYLLABLES)[rng.integers(0, len(_SYLLABLES), (2 * _VOCABULARY, 4))].tolist()
    plain = ("".join(parts[:length]) for parts, length in zip(syllables, lengths, strict=True))
    words = list(dict.fromkeys(plain))[:_VOCABULARY]
    for place in range(100, len(words), 200):
        words[place] += _ACCENTED[place // 200 % len(_ACCENTED)]
    return words


def _script_words(rng: np.random.Generator, first: str, last: str, length: int) -> list[str]:
    letters = [letter for code in range(ord(first), ord(last) + 1) if (letter := chr(code)).isprintable()]
    return ["".join(word) for word in np.array(letters)[rng.integers(0, len(letters), (_WORDS_OF_A_SCRIPT, length))]]


def _dates(seconds: NDArray[Any], unit: Any = "s") -> Sequence[str]:
    """Return Unix seconds as text in UTC, to the second or microsecond."""
    moments = (seconds * 10**6).astype("datetime64[us]")
    return [date.replace("T", " ") for date in np.datetime_as_string(moments, unit=unit).tolist()]
