"""What is a valid keyword, and when two spellings are the same keyword.

They are the same if two people who read them aloud, or see them on a page, would call them the same word. So these
make no difference:

- case (`AC/DC`, `ac/dc`), and white space;
- how a letter is set: full or half width (`ﾊﾝｶｸ`), mathematical bold and the like, ligatures (`ﬁ`, `ŉ`) and
  presentation forms, composed or decomposed accents, typographic quotes, apostrophes and hyphens, also dashes and
  backticks in their place inside of a word, wave dashes (`〜`), Romanian commas or cedillas (`ș`, `ş`), and Arabic
  letters lengthened on the line (`محـــمد`);
- forms of a letter that have the same capital (final `ς`, long s, those of old Cyrillic prints: `ᲀ`), and a radical
  alone (`⽔`) for the ideograph it is (`水`);
- invisible characters: zero-width and bidirectional controls, soft hyphens, variation selectors and the rest of
  Unicode's Default_Ignorable_Code_Point. They are not stored either.

These do: `Maße` and `Masse`, `x²` and `x2`, `①` and `1`, `½` and `1/2`, `é` and `e`, `㎏` and `kg`; a Greek vowel with
iota below (`ᾳ`) and before iota, though capitals write both alike, as they do with `ß`; i without and with a dot, whose
capital I is that of the latter, as in most languages. And so do joiners where they change what is seen: in emoji made
of several, after a virama in Indic scripts, between Arabic letters (`می‌خواهم`), in flags and in Mongolian.
"""

import re
import unicodedata
from typing import Final

from django.core.exceptions import ValidationError

MAX_LENGTH: Final = 500

# What check() accepts, as far as a schema can say it: white space, but no other control characters, and something else.
_PRINTED = r"[^\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]*"
SCHEMA: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_LENGTH,
    "pattern": rf"^{_PRINTED}[^\x00-\x20\x7f-\xa0]{_PRINTED}$",
}

# Default_Ignorable_Code_Point in Unicode 17, and the interlinear annotation characters, without the two fillers below;
# and the empty note head of music.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f"
    "\ufeff\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
# Shown as blanks, though Unicode calls them letters and a symbol: the Hangul fillers, the empty Braille pattern and the
# blanks between hieroglyphs.
_BLANKS = str.maketrans("\u3164\uffa0\u2800\U00013441\U00013442", "     ")

_NON_JOINER, _JOINER, _MONGOLIAN_SEPARATOR = "\u200c\u200d\u180e"
# The flags of England, Scotland and Wales: invisible letters after a black flag.
_BLACK_FLAG = "\U0001f3f4"
_FLAG = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]+\U000e007f")
# Arabic letters that never join the next one, so that a non-joiner after them changes nothing.
_UNJOINED = re.compile(
    "[\u0621-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06c0\u06c3-\u06cb\u06cd\u06cf"
    "\u06d2\u06d3\u06d5\u06ee\u06ef]"
)
_MONGOLIAN = re.compile("[\u1820-\u18aa]")

# Unicode's names of decompositions that differ only in how a character is set. The others, such as <super> and
# <circle>, mean something else.
_TYPOGRAPHIC = {"font", "initial", "medial", "final", "isolated", "narrow", "wide", "small", "vertical", "noBreak"}
# Small letters with the capital of another one: final sigma, and letters of old Cyrillic prints.
# And the Romanian ones with a comma below, for which those with a cedilla were long the only ones on keyboards.
_LETTER_FORMS = str.maketrans("ςᲀᲁᲂᲃᲄᲅᲆᲇᲈșț", "σвдосттъѣꙋşţ")
_PUNCTUATION = str.maketrans("‘’‚‛ʼʻ“”„‟‐〜", "''''''\"\"\"\"-~")
# What stands for a hyphen or an apostrophe inside of a word; before one, YouTube takes a hyphen for an operator.
_HYPHENS, _APOSTROPHES = re.compile(r'(?<=[^\s|"])[‒–−֊־](?=\S)'), re.compile(r"(?<=\S)[`′](?=\w)")
# The line on which Arabic letters are lengthened; not where it stands alone.
_LENGTHENED = re.compile("(?<=[\u0620-\u063f\u0641-\u06ff])\u0640+|\u0640+(?=[\u0620-\u063f\u0641-\u06ff])")


def strip_invisible(text: str) -> str:
    """Return `text` without invisible characters, and with white space collapsed to single spaces, none at the ends."""
    return " ".join(_INVISIBLE.sub(_visible_part, text.translate(_BLANKS)).split())


def normalize(text: str) -> str:
    """Return the form of `text` that all spellings of the same keyword share."""
    while (folded := _normalize_once(text)) != text:
        text = folded
    return text


def _normalize_once(text: str) -> str:
    plain = "".join(map(_plain, unicodedata.normalize("NFC", strip_invisible(text)))).translate(_PUNCTUATION)
    plain = _LENGTHENED.sub("", _APOSTROPHES.sub("'", _HYPHENS.sub("-", plain)))
    # Lower case depends on the place of a sigma, and leaves the dot of a capital İ as a character of its own.
    lower = re.sub("i\u0307+", "i", plain.lower().translate(_LETTER_FORMS))
    return strip_invisible(unicodedata.normalize("NFC", lower))


def _plain(character: str) -> str:
    """Return what a character is a typographic variant of."""
    form, plain = unicodedata.decomposition(character), unicodedata.normalize("NFKC", character)
    # Without a name it is a letter with an accent, of which the letter may be a variant: ẛ, ϓ.
    name = form[1:].partition(">")[0] if form.startswith("<") else "compat"
    # <compat> is a mixture; of it only letters and punctuation: ﬁ, ĳ, Ⅳ, …; and radicals; but not №, ⑴, ℃.
    letters = unicodedata.category(character)[0] in "LP" or unicodedata.category(character) == "Nl"
    radical = len(plain) == 1 and unicodedata.category(plain) == "Lo"
    return plain if name in _TYPOGRAPHIC or (name == "compat" and (letters or radical)) else character


def _visible_part(match: re.Match[str]) -> str:
    """Return those of a run of invisible characters that change how the text looks."""
    text, run = match.string, match[0]
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    if before == _BLACK_FLAG and (flag := _FLAG.match(run)):
        return flag[0]
    return next((character for character in run if before and _joins(before, character, after)), "")


def _joins(before: str, joiner: str, after: str) -> bool:
    """Return whether `joiner` changes how the characters around it look."""
    virama = unicodedata.combining(before) == 9
    if joiner == _JOINER:
        emoji = unicodedata.category(before) in ("So", "Sk") and unicodedata.category(after or " ") in ("So", "Sm")
        return emoji or virama or (after != "" and unicodedata.combining(after) == 9)
    if joiner == _NON_JOINER:
        joined = unicodedata.bidirectional(before) in ("AL", "NSM") and not _UNJOINED.match(before)
        return (joined and unicodedata.bidirectional(after or " ") == "AL") or (virama and after.isalpha())
    return joiner == _MONGOLIAN_SEPARATOR and bool(_MONGOLIAN.match(before) and _MONGOLIAN.match(after))


def check(text: str, *, same_as: str | None = None) -> str:
    """Return `text` as it is stored, see strip_invisible(); raise ValidationError if it is not a valid keyword.

    `same_as` is the normalized form of an existing keyword, of which only the spelling may change.
    """
    # First, so that a very long text is not normalized.
    if len(text) > 20 * MAX_LENGTH:
        raise ValidationError(f"A keyword can have at most {MAX_LENGTH} characters.", code="max_length")
    if not text.strip():
        raise ValidationError("Enter a keyword.", code="blank")
    keyword = strip_invisible(text)
    if len(keyword) > MAX_LENGTH or len(normalize(keyword)) > MAX_LENGTH:
        raise ValidationError(f"A keyword can have at most {MAX_LENGTH} characters.", code="max_length")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in keyword):
        raise ValidationError("A keyword cannot contain control characters.", code="control")
    if not any(unicodedata.category(character)[0] in "LNPS" for character in keyword):
        raise ValidationError("A keyword needs at least one visible character.", code="invisible")
    if same_as is not None and normalize(keyword) != normalize(same_as):
        raise ValidationError("Only the spelling can change. To watch another keyword, add it.", code="other")
    return keyword
