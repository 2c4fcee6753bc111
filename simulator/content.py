"""The content of a video: title, description, duration, broadcast. Generated on first access."""

import unicodedata
from dataclasses import dataclass
from random import Random

from simulator import words
from simulator.queries import fold

TITLE_LENGTH = 100
DESCRIPTION_LENGTH = 5_000

_SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
}
_DISPLAY = {fold(topic): topic for topic in words.TOPICS}
_LANGUAGE = {fold(topic): language for topic, language in words.TOPICS.items()}


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A live video: seconds from publication to the planned start, the real start and the end."""

    planned: int
    started: int
    ended: int


@dataclass(frozen=True, slots=True)
class Content:
    """The properties of a video that do not change with time. `duration` in seconds, `appeal` in final views."""

    title: str
    description: str
    tags: tuple[str, ...]
    language: str
    category: str
    duration: int
    appeal: int
    broadcast: Broadcast | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel. `created_at` in Unix seconds."""

    channel_id: str
    title: str
    topic: str
    description: str
    created_at: int
    subscribers: int

    @property
    def uploads(self) -> str:
        """Return the id of the playlist that holds everything the channel published."""
        return "UU" + self.channel_id[2:]


def generate_content(topics: tuple[str, ...], seed: int) -> Content:
    """Generate a video about one or two folded topics, each of which occurs in its title or description."""
    rng = Random(seed)
    shown = [_spell(topic, rng) for topic in topics]
    about = shown[0] if len(shown) == 1 else rng.choice(words.PAIRS).format(a=shown[0], b=shown[1])
    language = _language(topics[0], rng)
    title, named = _title(about, language, rng)
    broadcast = _broadcast(rng)
    return Content(
        title=title,
        description=_description(about, named, rng),
        tags=tuple(topic[:60] for topic in topics) + tuple(rng.sample(("guide", "2026", "howto", "vlog", "new"), 2)),
        language=language,
        category=rng.choice(("10", "17", "22", "24", "25", "26", "27", "28")),
        duration=broadcast.ended - broadcast.started if broadcast else _duration(rng),
        appeal=int(rng.lognormvariate(7.5, 2)),
        broadcast=broadcast,
    )


def generate_channel(topic: str, channel_id: str, rng: Random) -> Channel:
    """Generate the channel with the id `channel_id` which publishes about a folded topic."""
    shown = _spell(topic, rng)
    name, other = rng.sample(words.NAMES, 2)
    pattern = rng.choice(words.CHANNELS)
    title = pattern.format(
        t=shown if len(shown) <= 40 else "Everything",
        name=name,
        other=other,
        surname=rng.choice(words.SURNAMES),
    )
    return Channel(
        channel_id=channel_id,
        title=title.replace("<", "").replace(">", ""),
        topic=topic,
        description=f"{shown[:200]}, twice a week. {rng.choice(words.SENTENCES)}",
        created_at=rng.randrange(1_140_000_000, 1_700_000_000),
        subscribers=int(rng.lognormvariate(8, 2)),
    )


def _spell(topic: str, rng: Random) -> str:
    """Vary the case of the letters, as people do, if the folded topic stays the same."""
    usual = _DISPLAY.get(topic, topic)
    unusual = rng.choice((usual, usual, usual.title(), usual.upper(), topic))
    return unusual if fold(unusual) == topic else usual


def _language(topic: str, rng: Random) -> str:
    if topic in _LANGUAGE:
        return _LANGUAGE[topic] if rng.random() < 0.8 else "en"
    for letter in topic:
        script = unicodedata.name(letter, "").partition(" ")[0]
        if script in _SCRIPTS:
            return _SCRIPTS[script]
    return rng.choices(("en", "es", "pt", "de", "fr", "ja"), (80, 6, 4, 4, 4, 2))[0]


def _title(about: str, language: str, rng: Random) -> tuple[str, bool]:
    """Return a title, and whether it contains the topics."""
    pattern = rng.choice(words.TITLES[language])
    episode = rng.randint(2, 40)
    fits_title = "<" not in about and ">" not in about
    title = pattern.format(t=about if fits_title else words.PLACEHOLDER, n=episode)
    if len(title) > TITLE_LENGTH:
        title = about if fits_title and len(about) <= TITLE_LENGTH else pattern.format(t=words.PLACEHOLDER, n=episode)
    for decorated in (f"{rng.choice(words.EMOJI)} {title}", f"{title} {rng.choice(words.EMOJI)}"):
        if rng.random() < 0.08 and len(decorated) <= TITLE_LENGTH:
            title = decorated
    return title[:TITLE_LENGTH], fold(about) in fold(title)


def _description(about: str, named: bool, rng: Random) -> str:
    if named and rng.random() < 0.04:
        return ""
    # Begin with the topics: search shows only the start of a description, which must contain a keyword that does
    # not fit into the title.
    lines = [f"{about} — {rng.choice(words.SENTENCES)}"]
    lines += rng.sample(words.SENTENCES, rng.randint(1, 4))
    if rng.random() < 0.12:
        lines += [rng.choice(words.SENTENCES) for _ in range(rng.randint(20, 70))]
    if rng.random() < 0.4:
        minutes = sorted(rng.sample(range(1, 60), len(words.CHAPTERS) - 1))
        lines += [
            "",
            *(f"{at}:00 {chapter}" for at, chapter in zip([0, *minutes], words.CHAPTERS, strict=True)),
        ]
    lines += ["", f"Notes: https://example.org/notes/{rng.randrange(10_000)}?a=1&b=2"]
    return "\n".join(lines)[:DESCRIPTION_LENGTH]


def _duration(rng: Random) -> int:
    if rng.random() < 0.25:
        return rng.randint(12, 60)
    return min(6 * 3600, max(61, int(rng.lognormvariate(6.4, 0.9))))


def _broadcast(rng: Random) -> Broadcast | None:
    if rng.random() >= 0.03:
        return None
    planned = rng.choice((0, 0, 900, 3600, 6 * 3600, 24 * 3600))
    started = planned + rng.randint(0, 300)
    return Broadcast(planned, started, started + rng.randint(1200, 4 * 3600))
