"""What is a valid keyword, and when two spellings are the same keyword."""

import unicodedata
from typing import Final

from django.core.exceptions import ValidationError

MAX_LENGTH: Final = 500

# Letters and a symbol by category, but invisible: the Hangul fillers and the empty Braille pattern.
_INVISIBLE = set("\u115f\u1160\u3164\uffa0\u2800")


def fold(text: str) -> str:
    """Return `text` with white space collapsed to single spaces, and none at its ends."""
    return " ".join(text.split())


def normalize(text: str) -> str:
    """Return `text` in NFKC form, case-folded and with white space collapsed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return fold(unicodedata.normalize("NFKC", folded))


def check(text: str, *, same_as: str | None = None) -> str:
    """Return `text` with white space collapsed; raise ValidationError if it is not a valid keyword.

    `same_as` is the normalized form of an existing keyword, of which only the spelling may change.
    """
    keyword = fold(text)
    if not keyword:
        raise ValidationError("Type a keyword.", code="blank")
    # First, so that a very long text is not normalized.
    if len(keyword) > MAX_LENGTH or len(normalize(keyword)) > MAX_LENGTH:
        raise ValidationError(f"A keyword can have at most {MAX_LENGTH} characters.", code="max_length")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in keyword):
        raise ValidationError("A keyword cannot contain control characters.", code="control")
    if not any(unicodedata.category(c)[0] in "LNPS" and c not in _INVISIBLE for c in keyword):
        raise ValidationError("A keyword needs at least one visible character.", code="invisible")
    if same_as is not None and normalize(keyword) != same_as:
        raise ValidationError("Only the spelling can change. To watch another keyword, add it.", code="other")
    return keyword
