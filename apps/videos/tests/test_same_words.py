"""Which spellings are the same keyword."""

import unicodedata
from itertools import pairwise

import pytest
from django.test import Client
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from apps.videos import keywords
from apps.videos.models import KeyWordEntry
from apps.videos.tests.builders import ODD_KEYWORDS

UNSEEN = [
    *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u200b\u200c\u200d\u200e\u200f",
    *"\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2064\u2066\u2069\u206f\ufe00\ufe0e\ufe0f\ufeff\ufff9\ufffb",
    *"\U0001d159\U0001d173\U000e0001\U000e0041\U000e007f\U000e0100\U000e01ef",
]
BLANKS = ["\u3164", "\uffa0", "\u2800", "\U00013441", "\U00013442", "\u00a0", "\u3000", "\u2003", "\t"]

# Characters that meet each other's rules, so that random texts are not all alike.
letters = st.sampled_from(
    [*UNSEEN, *BLANKS, *"aIiİıßẞςΣsſﬁﾊﾟ²①½é\u0301\u0307 क्षമലാമیاه", *"🏴👩🏽❤🔥’“‐–−־`′ʻ〜șمحـ", "\U000e0067"]
)
texts = st.text(letters | st.characters(exclude_categories=["Cs"]), max_size=12)
same_every_time = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize(
    "spellings",
    [
        [
            "falcon",
            "FALCON",
            "  Falcon ",
            "ｆａｌｃｏｎ",
            "𝐟𝐚𝐥𝐜𝐨𝐧",
            "fal\u00adcon",
            "\u202efalcon\u202c",
            "falcon\u3164",
        ],
        ["two words", "two\u2800words", "two\u200b \u3164 words"],
        ["ハンカク", "ﾊﾝｶｸ"],
        ["final", "ﬁnal"],
        ["café", "cafe\u0301", "CAFÉ"],
        ["maße", "MAẞE"],
        ["İstanbul", "istanbul", "i\u0307stanbul", "ISTANBUL"],
        ["ΟΔΟΣ", "οδος", "οδοσ"],
        ["Final Fantasy Ⅶ", "final fantasy vii"],
        ["don't", "don’t"],
        ["wait...", "wait…"],
        ["heart ❤", "heart ❤️"],
        ["葛", "葛\U000e0100"],
        ["کتاب", "\ufb8eتاب", "کتاب\u200c", "کتا\u200cب"],  # alef does not join the next letter anyway
        ["水着", "⽔着"],
        ["母", "⺟"],
        ["龟", "⻳"],
        ["豈", "\uf900"],
        ["'n", "ŉ", "ʼn", "’N"],
        ["водоᲈ", "ᲀᲂᲁоꙋ", "ВОДОꙊ"],
        ["ṡ", "ẛ", "Ṡ", "ſ\u0307"],
        ["Ύ", "ϓ", "ύ"],
        ["ᾳ", "ᾼ", "α\u0345"],
        ["covid-19", "covid–19", "covid‒19", "covid−19", "covid\u201119"],
        ["תל-אביב", "תל־אביב"],
        ["हिन्दी-उर्दू", "हिन्दी–उर्दू"],
        ["Հայ-ռուս", "Հայ֊ռուս"],
        ["Hawaiʻi", "Hawai'i", "Hawai‘i", "Hawaiʼi", "hawai`i", "Hawai′i"],
        ["スマ〜", "スマ～", "ｽﾏ～"],
        ["Timișoara", "Timişoara", "TIMIȘOARA", "Timis\u0326oara"],
        ["țara", "ţara"],
        ["محمد", "محـــمد", "مـحمد", "محمدـ"],
        ["한글", "\u1112\u1161\u11ab글"],
    ],
)
def test_the_same_word(spellings: list[str]) -> None:
    assert len({keywords.normalize(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Masse", "Maße"),
        ("x2", "x²"),
        ("H2O", "H₂O"),
        ("1", "①"),
        ("1/2", "½"),
        ("kg", "㎏"),
        ("No", "№"),
        ("e", "é"),
        ("c", "c++"),
        ("ısı", "isi"),
        ("ısı", "ISI"),
        ("ᾳ", "αι"),
        ("㈱", "(株)"),
        ("㍿", "株式会社"),
        ("میخواهم", "می\u200cخواهم"),
        ("क्ष", "क्\u200dष"),
        ("ന്", "ന്\u200d"),
        ("a -b", "a –b"),
        ("a|-b", "a|–b"),
        ("5'", "5′"),
        ("ـ", ""),
        ("s", "ș"),
        ("👩👩", "👩\u200d👩"),
        ("🏴", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"),
    ],
)
def test_another_word(one: str, other: str) -> None:
    assert keywords.normalize(one) != keywords.normalize(other)


@pytest.mark.parametrize(
    "text", ["❤\u200d🔥", "👩🏽\u200d⚕", "🏳\u200d🌈", "می\u200cخواهم", "ന്\u200d", "शक्\u200dति", "র\u200d্য"]
)
def test_joiners_that_are_seen_are_stored(text: str) -> None:
    assert keywords.strip_invisible(text) == text


@pytest.mark.parametrize("character", UNSEEN)
def test_what_nobody_sees_makes_no_difference_and_is_not_stored(character: str) -> None:
    for text in (f"{character}falcon", f"fal{character}con", f"falcon{character}", f"falcon {character} {character}"):
        assert keywords.strip_invisible(text) == "falcon"


def test_all_that_unicode_calls_ignorable_is_unseen() -> None:
    """Some format characters are seen: Arabic and Kaithi number signs, a Syriac one, Egyptian layout."""
    seen = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}
    formats = {code for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"}
    assert {code for code in formats if keywords.strip_invisible(f"a{chr(code)}b") != "ab"} == formats & seen


@same_every_time
@given(texts)
@example("i\u0307\u0307")
@example("\u200d\u200c")
def test_folding_is_stable(text: str) -> None:
    folded, normalized = keywords.strip_invisible(text), keywords.normalize(text)
    assert keywords.strip_invisible(folded) == folded
    assert keywords.normalize(normalized) == normalized
    assert keywords.normalize(folded) == normalized, "what is stored is the same keyword"
    assert keywords.strip_invisible(normalized) == normalized
    assert len(folded) <= len(text)
    assert len(normalized) <= 18 * len(text), "one ligature is a sentence of 18 letters"


@same_every_time
@given(texts, st.integers(0, 12), st.sampled_from([u for u in UNSEEN if u not in "\u180e\u200c\u200d"]))
def test_nothing_unseen_makes_a_difference(text: str, at: int, unseen: str) -> None:
    assume("\U0001f3f4" not in text)  # a flag is followed by letters that are not seen by themselves
    assert keywords.normalize(text[:at] + unseen + text[at:]) == keywords.normalize(text)


@same_every_time
@given(texts)
def test_case_and_composition_make_no_difference(text: str) -> None:
    form = keywords.normalize(text)
    assert keywords.normalize(unicodedata.normalize("NFD", text)) == form
    assert keywords.normalize(text.lower()) == form


def test_every_character_is_stable() -> None:
    for code in [*range(0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE1000)]:
        normalized = keywords.normalize(chr(code))
        assert keywords.normalize(normalized) == normalized, hex(code)


@pytest.mark.django_db
@pytest.mark.parametrize("text", [*ODD_KEYWORDS, "Maße", "x²", "می\u200cخواهم"])
def test_a_keyword_is_added_once(text: str, client: Client) -> None:
    spelled = "\u200b" + text + "\ufeff"
    first = client.post("/api/keywords/", {"keyword": spelled}, content_type="application/json")
    again = client.post("/api/keywords/", {"keyword": text}, content_type="application/json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["keyword"] == " ".join(text.split())


@pytest.mark.django_db
def test_words_that_only_look_alike_are_watched_each() -> None:
    added = [KeyWordEntry.objects.watch(text) for text in ("Masse", "Maße", "x2", "x²")]
    assert [is_new for _, is_new in added] == [True] * 4
    assert all(one != other for (one, _), (other, _) in pairwise(added))


@pytest.mark.parametrize("text", ["\u200b" * 10_001, "\u200b", "\u3164\u2800", "\U000e0001", "\ufe0f", "ﷺ" * 28])
def test_it_refuses_what_is_empty_or_too_long(text: str) -> None:
    with pytest.raises(Exception, match=r"visible character|at most 500"):
        keywords.check(text)


@pytest.mark.parametrize("quoted", ["„a“", "‟a”", "“a”"])
def test_quotation_marks_of_all_languages_are_the_same(quoted: str) -> None:
    assert keywords.normalize(quoted) == keywords.normalize('"a"')
    assert keywords.normalize("don\u02bct") == keywords.normalize("don't") == keywords.normalize("don’t")
