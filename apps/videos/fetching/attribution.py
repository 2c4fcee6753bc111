"""Which keywords a video is about, and where they stand in it.

YouTube's search also finds videos without the words of a keyword, and does not say why it found one. The rules below
were measured with 5,133 popular videos of eleven countries that have tags and a description, and with 1,655 keywords:
the tags that at least four channels use. What YouTube itself would find is not in these figures.

- **Title, channel, tags and description** are read. Of all matches, 87 % (81 % of those with several words) are not in
  the title, and 27 % (50 %) in tags only. The title and the first 160 characters of the description, which a search
  returns, have 25 %; so a video is completed first.
- **Case, width and accents** make no difference (NFKD without U+0300 to U+036F, case-folded): a keyword with accents
  was found 1.8 times as often.
- **`-`, `_`, `'`, `.` and `·` are blanks, and blanks may be missing:** `tik tok`, `tik-tok` and `tiktok` are the same.
  A keyword of two words was found 6 % more often by the former and 10 % by the latter, one with a hyphen 1.9 times as
  often. Digits are never joined: `1-2` is not `12`. A blank in a text stays one: `to get her` is not `together`.
- **English plurals** of words of four letters and more: 11 % more.
- **A word is found as a whole.** Of Latin words inside of others, 67 % were wrong (three or four letters), 24 % (five
  or six) and 11 % (longer ones). Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces, and any
  place counts; whole words missed 46 % in Chinese and Japanese. Only a single such letter must not be next to another
  one of its script: it is part of too many words. Particles may follow a Korean word: else 11 % were missed. The
  article may stand before an Arabic word: 11 % more, in 42 videos.
- **All words** of a keyword are in one tag, one line of the description, or title and channel together, in any order:
  1.29 times as many as one after the other, or fewer, since the measured descriptions had lost their line breaks.
  Anywhere in the video it would be 1.7 times, with words that have nothing to do with each other. Words in quotes, or
  with punctuation between them (`ac/dc`), stand one after the other.
- **Operators** of YouTube's search: a video with the word of `-word` is not about the keyword, `a|b` is about either.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, chain, pairwise
from typing import Any, Final, NamedTuple, Self

from apps.videos.models import Match

# Where a keyword is looked for, in this order.
FIELDS: Final = {
    "title": Match.In.TITLE,
    "channel_title": Match.In.CHANNEL,
    "tags": Match.In.TAGS,
    "description": Match.In.DESCRIPTION,
}

# Scripts without spaces between words, and Korean, as they are decomposed.
_HAN: Final = "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_KANA: Final = "\u3041-\u30ff\u31f0-\u31ff"
_SOUTHEAST_ASIAN: Final = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"
_HANGUL: Final = "\u1100-\u11ff"
_SCRIPTS: Final = (_HAN, _KANA, _SOUTHEAST_ASIAN)
_UNSPACED: Final = "".join(_SCRIPTS)
# Vowel signs, which Python does not count as parts of words: of Indian scripts, without their full stop, and Tibetan.
_SIGNS: Final = "\u0900-\u0963\u0966-\u0dff\u0f35-\u0fbc"
_EMOJI: Final = "\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"

_ACCENT = re.compile("[\u0300-\u036f]")
# Other forms of separators; and what is left out: Arabic signs and lengthening, and what is invisible.
_REPLACED: Final = {
    **dict.fromkeys("’‘ʼʻ`′", "'"),
    **dict.fromkeys("·・‧", "."),
    **dict.fromkeys("‐‒–−֊־_", "-"),
    **dict.fromkeys("\u0640\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0653\u0654\u0655\u0670", ""),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0f\ufeff", ""),
}

# A separator between two letters or digits, but not between two digits. A pattern that begins with one character is
# searched ten times as fast as one that begins with any of three.
_JOINING = [re.compile(rf"\{separator}(?<=[^\W_].)(?=[^\W_])(?:(?<!\d.)|(?!\d))") for separator in "-'."]
# Between a line and the same line without separators: never part of a text.
_AGAIN: Final = "\x1f"

_TERM = re.compile(r'(?P<minus>-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"|]+))|(?P<bar>\|)')
_EMOJI_RUN = re.compile(f"[{_EMOJI}]+")
_UNSPACED_LETTER, _HANGUL_LETTER = re.compile(f"[{_UNSPACED}]"), re.compile(f"[{_HANGUL}]")
_ARABIC_LETTER = re.compile("[\u0621-\u064a\u0671-\u06d3]")
# Alone, and after "and", "so", "in" and "like"; after "for" it loses its first letter.
_ARABIC_ARTICLES: Final = ("ال", "وال", "فال", "بال", "كال", "لل")
# A letter or digit of any other script.
_LETTERS: Final = (rf"[^\W_{_UNSPACED}{_HANGUL}]", f"[{_SIGNS}]")
_BETWEEN: Final = rf"[^\w{_UNSPACED}{_SIGNS}{_AGAIN}\n]"
# The rest of a decomposed letter: a voicing mark, or the last consonant of a syllable.
_NOT_INSIDE: Final = "(?![\u3099\u309a\u11a8-\u11ff])"
# With the signs after a letter that distinguish C++ and C# from C.
_WORD = re.compile(rf"(?:[^\W_]|[{_SIGNS}{_UNSPACED}])+(?:(?:\+\+|#)(?!\w))?|{_EMOJI_RUN.pattern}")
_PLURAL = re.compile("[a-z]{4,}")


def matched_in(keyword: str, video: Mapping[str, Any]) -> Match.In:
    """Return where the keyword stands in `video`, as places() does; NOWHERE: the video is not about it."""
    return places({0: keyword}, video).get(0, Match.In.NOWHERE)


def places(keywords: Mapping[int, str], video: Mapping[str, Any]) -> dict[int, Match.In]:
    """Return which of these keywords, by their ids, the video is about, and where each stands: the first of title,
    channel, tags and description; SEVERAL if only title and channel together have all of its words.

    `video` has `title`, `channel_title`, `description` and, if they are known, `tags`. Its texts are folded once;
    a keyword whose longest word is in none of them costs less than a microsecond.
    """
    texts = _Texts(video)
    compact = texts.compact
    possible = {pk: keyword for needle, pk, keyword in _needles(tuple(keywords.items())) if needle in compact}
    found = ((pk, keyword.place(texts)) for pk, keyword in possible.items())
    return {pk: place for pk, place in found if place}


def about(keywords: Mapping[int, str], videos: Mapping[str, Mapping[str, Any]]) -> dict[int, set[str]]:
    """Return which of these videos, by their ids, each keyword is about."""
    found: dict[int, set[str]] = {pk: set() for pk in keywords}
    for video_id, video in videos.items():
        for pk in places(keywords, video):
            found[pk].add(video_id)
    return found


@lru_cache(maxsize=4096)
def _needles(keywords: tuple[tuple[int, str], ...]) -> list[tuple[bytes, int, "_Keyword"]]:
    """Return the longest word of each alternative of these keywords, which are read here once: a video that has none
    costs no more than looking for these."""
    parsed = [(pk, _Keyword.parse(text)) for pk, text in keywords]
    return [(words.needles[0], pk, keyword) for pk, keyword in parsed for words in keyword.alternatives]


def _fold(text: str) -> str:
    """Return the form of `text` in which words are compared."""
    if text.isascii():
        return text.lower().replace("_", "-")
    text = _ACCENT.sub("", unicodedata.normalize("NFKD", text)).casefold()
    for character, replacement in _REPLACED.items():
        if character in text:  # replace() takes longer to find that there is none
            text = text.replace(character, replacement)
    return text


def _compact(text: str) -> bytes:
    """Return a folded text without separators, in which each of its words is found by `in`."""
    return text.encode(errors="surrogatepass").translate(None, b"-'.")


class _Texts:
    """The texts of a video, folded: each line is a unit that may have all words of a keyword."""

    def __init__(self, video: Mapping[str, Any]) -> None:
        tags = "\n".join(video.get("tags") or ())
        self._fields = [video["title"], video["channel_title"], tags, video["description"]]
        self._folded = _fold("\n".join(self._fields))
        self.compact = _compact(self._folded)

    @cached_property
    def text(self) -> str:
        """All lines; one with words that separators divide also has these words joined, after `_AGAIN`."""
        joined = self._folded
        for separator in _JOINING:
            joined = separator.sub("", joined)
        if joined == self._folded:
            return joined
        lines = zip(self._folded.split("\n"), joined.split("\n"), strict=True)
        return "\n".join(line if line == other else line + _AGAIN + other for line, other in lines)

    @cached_property
    def title_and_channel(self) -> str:
        size = self._fields[0].count("\n") + self._fields[1].count("\n") + 2
        return _AGAIN.join(self.text.split("\n", size)[:size])

    def place(self, line: int) -> Match.In:
        ends = accumulate(field.count("\n") + 1 for field in self._fields)
        return next(place for place, end in zip(FIELDS.values(), ends, strict=True) if line < end)


class _Words(NamedTuple):
    """Words of a keyword that belong together.

    `needles` are its words as they occur in a compact text, longest first; `terms` find what may stand in any order,
    and `phrase` all words one after the other, with or without blanks.
    """

    needles: tuple[bytes, ...]
    terms: tuple[re.Pattern[str], ...]
    phrase: re.Pattern[str]

    @classmethod
    def of(cls, terms: list[list[str]]) -> Self:
        words = list(chain.from_iterable(terms))
        needles = sorted(map(_compact, words), key=len, reverse=True)
        return cls(tuple(needles), tuple(map(_phrase, terms)), _phrase(words))

    def occur(self, texts: _Texts) -> bool:
        return all(needle in texts.compact for needle in self.needles)

    def stand_in(self, line: str) -> bool:
        return all(term.search(line) for term in self.terms) or bool(self.phrase.search(line))

    def first_line(self, text: str) -> int | None:
        """Return the number of the first line in which they stand."""
        if len(self.terms) == 1:
            match = self.phrase.search(text)
            return match and text.count("\n", 0, match.start())
        return next((number for number, line in enumerate(text.split("\n")) if self.stand_in(line)), None)


class _Keyword(NamedTuple):
    alternatives: tuple[_Words, ...]
    excluded: tuple[_Words, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `a b|"a phrase" -word`: `|` separates most loosely, and exclusions are for all alternatives."""
        alternatives: list[list[list[str]]] = [[]]
        excluded: list[list[str]] = []
        for term in _TERM.finditer(_fold(text)):
            if term["bar"]:
                alternatives.append([])
            elif words := _WORD.findall(term["phrase"] or term["word"] or ""):
                (excluded if term["minus"] else alternatives[-1]).append(words)
        return cls(tuple(map(_Words.of, filter(None, alternatives))), tuple(_Words.of([words]) for words in excluded))

    def place(self, texts: _Texts) -> Match.In | None:
        candidates = [words for words in self.alternatives if words.occur(texts)]
        if not candidates or any(words.occur(texts) and words.phrase.search(texts.text) for words in self.excluded):
            return None
        lines = [line for words in candidates if (line := words.first_line(texts.text)) is not None]
        if lines:
            return texts.place(min(lines))
        return Match.In.SEVERAL if any(words.stand_in(texts.title_and_channel) for words in candidates) else None


def _phrase(words: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that finds these words one after the other in a folded line, with or without blanks."""
    # The first word stands first, and what must not be before it after it: such a pattern is searched much faster.
    pattern = re.escape(words[0]) + _start(words[0])
    for word, following in pairwise(words):
        between = "+" if word[-1].isdigit() and following[0].isdigit() else "*"
        pattern += f"{_plural(word)}{_BETWEEN}{between}{re.escape(following)}"
    return re.compile(pattern + _plural(words[-1]) + _end(words[-1]))


def _plural(word: str) -> str:
    return "(?:e?s)?" if _PLURAL.fullmatch(word) else ""


def _start(word: str) -> str:
    """Return a pattern that is met after `word` if it does not begin inside of another word."""
    escaped = re.escape(word)
    start = "".join(f"(?<!{character}{escaped})" for character in _not_next_to(word, word[0]))
    if not _ARABIC_LETTER.match(word):
        return start
    articles = "|".join(f"(?<=(?<!{_LETTERS[0]}){article}{escaped})" for article in _ARABIC_ARTICLES)
    return f"(?:{start}|{articles})"


def _end(word: str) -> str:
    """Return a pattern that is met after `word` if it does not end inside of another word, or of a letter."""
    if _HANGUL_LETTER.match(word[-1]):
        return _NOT_INSIDE
    characters = "".join(f"(?!{character})" for character in _not_next_to(word, word[-1]))
    return characters + (_NOT_INSIDE if _UNSPACED_LETTER.match(word[-1]) else "")


def _not_next_to(word: str, edge: str) -> Sequence[str]:
    """Return patterns of the characters that make of `word`, next to its letter `edge`, a part of a longer word."""
    if _EMOJI_RUN.match(edge):
        return ()
    if _UNSPACED_LETTER.match(edge):
        alone = len(unicodedata.normalize("NFC", word)) == 1
        return [f"[{script}]" for script in _SCRIPTS if alone and re.match(f"[{script}]", edge)]
    return (*_LETTERS, f"[{_HANGUL}]") if _HANGUL_LETTER.match(edge) else _LETTERS
