"""Measure attribution with invented videos, in this process."""

from collections.abc import Callable, Mapping
from time import process_time
from typing import Any, Final

from apps.videos.fetching import attribution
from benchmarks.api.content import ABSENT, COMMON, KEYWORDS, RARE, Videos

# Words and phrases in few, many and no videos, in several scripts.
WATCHED: Final = dict(
    enumerate([*KEYWORDS[:13], RARE, COMMON, ABSENT, "barn owl", "tik tok", '"peregrine falcon"', "kestrel -heavy|owl"])
)
_PASSES: Final = 3

Video = Mapping[str, Any]


def measure(number: int) -> dict[str, float]:
    """Return the seconds that each side takes for so many videos, and how many matches ours finds."""
    videos = _videos(number)
    found = [attribution.places(WATCHED, video) for video in videos]
    if found != [_one_by_one(video) for video in videos]:
        raise RuntimeError("the sides differ")
    sides: dict[str, Callable[[Video], Any]] = {
        "ours": lambda video: attribution.places(WATCHED, video),
        "one_by_one": _one_by_one,
        "floor": _floor,
    }
    return {side: _seconds(act, videos) for side, act in sides.items()} | {"matches": sum(map(len, found))}


def _seconds(act: Callable[[Video], Any], videos: list[Video]) -> float:
    """Return the processor time of the fastest pass: others on this machine only make it longer."""

    def once() -> float:
        start = process_time()
        for video in videos:
            act(video)
        return process_time() - start

    return min(once() for _ in range(_PASSES))


def _one_by_one(video: Video) -> dict[int, str]:
    places = {pk: attribution.matched_in(keyword, video) for pk, keyword in WATCHED.items()}
    return {pk: place for pk, place in places.items() if place != "nowhere"}


def _floor(video: Video) -> list[int]:
    text = " ".join([video["title"], video["channel_title"], *video["tags"], video["description"]]).casefold()
    return [pk for pk, keyword in WATCHED.items() if keyword in text]


def _videos(number: int) -> list[Video]:
    rows = (row for videos, _ in Videos(2 * number).chunks() for row in videos)
    texts = [(title, description.split()) for _, title, description, *_ in rows]
    return [_video(one, other) for one, other in zip(texts[::2], texts[1::2], strict=True)]


def _video(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> Video:
    """Return a video of about 700 characters: ten tags, and lines with punctuation as people type it."""
    words = one[1] + other[1]
    lines = [" ".join(words[start : start + 9]) for start in range(0, len(words), 9)]
    return {
        "title": one[0],
        "channel_title": " ".join(words[:2]),
        "tags": [" ".join(words[start : start + 2]) for start in range(0, 20, 2)],
        "description": f"{other[0]} – it’s here:\n" + "\n".join(lines),
    }
