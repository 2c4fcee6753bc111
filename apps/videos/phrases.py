"""Where words stand in texts, for what is stored: the same words that a search for them finds.

A word is compared as fulltext_index.py indexes it, without case and without accents of Latin letters, and as a whole;
in scripts that write no spaces between words, and for emoji, any place counts.
"""

import re
import unicodedata
from functools import lru_cache

from apps.videos.fulltext_index import IGNORED, LATIN_ACCENTS, PAIRED, pieces

_BETWEEN = r"[\W_]+"
# No letter or digit on this side of a word.
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
_IGNORED = {ord(character): None for character in IGNORED}
_RUNS = re.compile(f"[{PAIRED}]+|[^\\W_{PAIRED}](?:[^\\W_{PAIRED}]|[\u0300-\u036f])*")


def fold(text: str) -> str:
    """Return the form of `text` in which words are compared."""
    lower = text.lower()
    if lower.isascii():
        return lower
    plain = unicodedata.normalize("NFC", LATIN_ACCENTS.sub(r"\1", unicodedata.normalize("NFD", lower)))
    return plain.replace("ς", "σ").translate(_IGNORED)


def has_words(text: str) -> bool:
    """Return whether a search for `text` could find anything."""
    return bool(pieces(text)[0]) and bool(_RUNS.search(fold(text)))


@lru_cache(maxsize=4096)
def phrase(text: str) -> re.Pattern[str]:
    """Return a pattern that finds the words of `text`, one after the other, in a folded text."""
    return re.compile(_BETWEEN.join(_word(run) for run in _RUNS.findall(fold(text))) or "(?!)")


def _word(run: str) -> str:
    escaped = re.escape(run)
    return escaped if re.match(f"[{PAIRED}]", run) else f"{_START}{escaped}{_END}"
