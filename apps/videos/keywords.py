"""What a keyword may be, and when two spellings are the same keyword."""

import unicodedata
from typing import Final

from django.core.exceptions import ValidationError

LONGEST: Final = 500

# Letters and a symbol by category, yet nothing to see: the Hangul fillers and the empty Braille pattern.
_INVISIBLE = set("\u115f\u1160\u3164\uffa0\u2800")


def fold(text: str) -> str:
    """Return `text` with white space folded to single spaces and none at its ends."""
    return " ".join(text.split())


def normalize(text: str) -> str:
    """Return the form in which case, spacing and width no longer matter (NFKC and case folding)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return fold(unicodedata.normalize("NFKC", folded))


def check(text: str) -> str:
    """Return `text` folded, if it can be a keyword; else raise ValidationError with one sentence."""
    keyword = fold(text)
    if not keyword:
        raise ValidationError("Type a keyword.", code="blank")
    # Checked first, so that nobody makes us normalize a novel.
    if len(keyword) > LONGEST or len(normalize(keyword)) > LONGEST:
        raise ValidationError(f"A keyword has at most {LONGEST} characters.", code="max_length")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in keyword):
        raise ValidationError("A keyword cannot hold control characters.", code="control")
    if not any(unicodedata.category(c)[0] in "LNPS" and c not in _INVISIBLE for c in keyword):
        raise ValidationError("A keyword needs at least one visible character.", code="invisible")
    return keyword
