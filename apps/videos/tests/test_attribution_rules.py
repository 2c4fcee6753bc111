"""Which keywords a video is about, and where they stand in it."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.videos.fetching.attribution import matched_in, places


def video(title: str = "", channel: str = "", tags: tuple[str, ...] = (), description: str = "") -> dict[str, Any]:
    return {"title": title, "channel_title": channel, "tags": tags, "description": description}


# What stands in a title that is about the keyword.
FOUND = [
    # Case, width, accents
    ("falcon", "THE FALCON!"),
    ("cafe", "Un café"),
    ("café", "A cafe"),
    ("naïve", "nai\u0308ve"),
    ("straße", "STRASSE"),
    ("ﬁnches", "Finches"),
    ("ＡＢＣ", "abc"),
    ("σοφος", "ΣΟΦΟΣ"),
    ("σοφός", "ο σοφος"),
    ("Ёлка", "елка"),
    ("istanbul", "İSTANBUL"),
    ("phở", "Pho bo"),
    ("מבול", "מבול!"),
    ("محمد", "مُحَمَّد"),
    # Separators are blanks, and blanks may be missing
    ("tik tok", "TikTok"),
    ("tik tok", "tik-tok"),
    ("tiktok", "Tik.Tok"),
    ("tik-tok", "tik tok"),
    ("spider-man", "spiderman"),
    ("spiderman", "Spider‐Man"),
    ("ac/dc", "AC-DC live"),
    ("ac/dc", "ACDC"),
    ("usa", "U.S.A."),
    ("peregrine falcon", "#PeregrineFalcon"),
    ("rock n roll", "Rock'n'Roll"),
    ("rocknroll", "Rock'n'Roll"),
    ("rocknroll", "rock’n’roll"),
    ("peregrine - falcon", "a peregrine falcon"),
    ("#owl#hoot", "#owl #hoot"),
    ("oiseau", "L’oiseau"),
    ("snake case", "snake_case"),
    ("ハリーポッター", "ハリー・ポッター"),
    ("covid19", "COVID-19"),
    ("covid-19", "covid19"),
    ("1-2", "1 2"),
    # Plurals
    ("falcon", "falcons"),
    ("falcon", "the falcon's nest"),
    ("finch", "Finches"),
    ("sea eagle", "Eagles of the sea"),
    # Words next to letters of other scripts
    ("日本語", "私の日本語です"),
    ("日本 語学", "日本の語学"),
    ("猫", "猫の動画"),
    ("カメラ", "デジタルカメラ"),
    ("แมว", "รักแมวมาก"),
    ("ແມວ", "ຮັກແມວຫຼາຍ"),
    ("ឆ្មា", "ស្រឡាញ់ឆ្មាណាស់"),
    ("ကြောင်", "ချစ်ကြောင်လေး"),
    ("매", "매는 새다"),
    ("صقر", "الصقر والبومة"),
    ("بومة", "الصقر والبومة"),
    ("أخبار", "اخبار"),
    ("한국 요리", "요리를 한국에서"),
    ("falcon", "これはfalconです"),
    ("iphone", "아이폰iPhone은"),
    ("राम", "जय राम।"),
    ("हिन्दी", "मेरी हिन्दी"),
    # Several words in any order
    ("peregrine falcon", "falcon, the peregrine"),
    # Quotes, exclusions, alternatives
    ('"peregrine falcon"', "A Peregrine-Falcon"),
    ("falcon -heavy", "A falcon"),
    ("eagle|falcon", "A falcon"),
    ("golden eagle|falcon", "A falcon"),
    # Signs and emoji
    ("c++", "C++ in an hour"),
    ("c#", "Learn C#"),
    ("#shorts", "shorts"),
    ("🦅", "Look 🦅🦅"),
    ("🦅", "a🦅b"),
    ("owl 🦉", "🦉 an owl"),
    ("❤️", "I ❤ owls"),
    # What is invisible
    ("falcon", "fal\u00adcon"),
    ("می‌خواهم", "میخواهم"),
]
# What stands in a title that is not about the keyword.
ABSENT = [
    ("falcon", "falconry"),
    ("art", "start of the party"),
    ("owl", "owls"),
    ("falcons", "falcon"),
    ("gt4", "gt4s"),
    ("together", "to get her"),
    ("1-2", "12"),
    ("12", "1-2"),
    ("25", "2.5"),
    ("c++", "vitamin C"),
    ("c#", "C major"),
    ("peregrine falcon", "a falcon"),
    ('"peregrine falcon"', "falcon, peregrine"),
    ('"peregrine falcon"', "peregrine and falcon"),
    ("ac/dc", "DC and AC"),
    ("falcon -heavy", "Falcon Heavy"),
    ('falcon -"heavy rocket"', "Falcon, heavy rockets"),
    ("falcon|eagle -heavy", "Falcon Heavy"),
    ("eagle|falcon", "A kestrel"),
    ("-heavy", "A falcon"),
    ("猫", "熊猫"),
    ("매", "참매"),
    ("매", "맨"),
    ("か", "が"),
    ("はは", "はば"),
    ('"राम कथा"', "रामी कथा"),
    ("صقر", "مصقر"),
    ("صقر", "خالصقر"),
    ("राम", "रामी"),
    ("राम", "आराम"),
    ("кот", "котлета"),
    ("!!", "!!"),
    ("|", "a | b"),
    ('""', '""'),
]


@pytest.mark.parametrize(("keyword", "title"), FOUND)
def test_a_title_is_about_it(keyword: str, title: str) -> None:
    assert matched_in(keyword, video(title)) == "title"


@pytest.mark.parametrize(("keyword", "title"), ABSENT)
def test_a_title_is_not_about_it(keyword: str, title: str) -> None:
    assert matched_in(keyword, video(title)) == "nowhere"


@pytest.mark.parametrize(
    ("place", "of"),
    [
        ("title", video("Peregrine falcon", "Falcon peregrine", ("peregrine falcon",), "peregrine falcon")),
        ("title", video("Peregrine-Falcon", description="peregrine falcon")),
        ("channel", video("Falcon", "Peregrine falcon", ("peregrine falcon",), "peregrine falcon")),
        ("tags", video("Falcon", "", ("owl", "peregrinefalcon"), "peregrine falcon")),
        ("description", video("Falcon", "", ("peregrine", "falcon"), "Birds\r\nA falcon: the peregrine\n")),
        ("description", video("Peregrine", "Falcon", (), "Peregrine falcon")),
        ("several", video("A peregrine", "Falcon TV", ("falcon",), "falcon")),
        ("nowhere", video("Falcon", "", ("peregrine", "owl"), "A peregrine\nand a falcon")),
        ("nowhere", video("Falcon", "TV", ("falcon",), "peregrine")),
    ],
)
def test_all_words_stand_in_one_place(place: str, of: dict[str, Any]) -> None:
    assert matched_in("peregrine falcon", of) == place


def test_a_line_break_in_a_tag_or_title_moves_no_place() -> None:
    assert matched_in("owl", video("a\nb", "c\n", ("d\ne", "owl"), "owl")) == "tags"
    assert matched_in("owl", video("a\nb", "c\n", ("d\ne",), "owl")) == "description"
    assert matched_in("b c", video("a\nb", "c\n")) == "several"


def test_a_phrase_stands_in_one_line() -> None:
    assert matched_in("ac/dc", video("AC", "DC", ("ac", "dc"), "ac\ndc")) == "nowhere"


def test_an_excluded_word_counts_anywhere() -> None:
    assert matched_in("falcon -heavy", video("A falcon", description="Birds\nnot heavy")) == "nowhere"
    assert matched_in("falcon -heavy", video("A falcon", tags=("heavy",))) == "nowhere"


def test_tags_may_be_unknown() -> None:
    known = video("Owl")
    for tags in ({}, {"tags": None}):
        assert matched_in("owl", {name: known[name] for name in known if name != "tags"} | tags) == "title"


def test_many_keywords_are_compared_at_once() -> None:
    keywords = {1: "owl", 5: "owl|falcon", 7: "eagle", 9: "falcon -owl", 11: "a falcon"}
    assert places(keywords, video("Falcon", "Owl TV", ("a falcon",))) == {1: "channel", 5: "title", 11: "tags"}
    assert places({}, video("Falcon")) == {}


LETTERS = st.sampled_from("aAbsé1２ß-_'’.·/ \n\"|+#日ガカﾞ가각매แมरमाم🦅\u200d\u0301İ\x1f\ud800")
TEXTS = st.text(LETTERS, max_size=12)
WORDS = st.text(st.sampled_from("abcdefgh"), min_size=1, max_size=6)
BY_COMPOSITION = st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_any_text_is_compared(keyword: str, title: str, tag: str, description: str) -> None:
    place = matched_in(keyword, video(title, title, (tag, title), description))
    assert place in ("title", "tags", "description", "several", "nowhere")


@given(TEXTS, TEXTS, BY_COMPOSITION, BY_COMPOSITION)
def test_case_and_composition_make_no_difference(keyword: str, title: str, one: Any, other: Any) -> None:
    plain = matched_in(keyword, video(title))
    assert plain == matched_in(unicodedata.normalize(one, keyword), video(unicodedata.normalize(other, title)))
    assert plain == matched_in(keyword.upper().lower(), video(title.swapcase().casefold()))


@given(st.lists(WORDS, min_size=1, max_size=3), st.sampled_from([" ", "-", "_", "'", ".", "·", ""]), TEXTS)
def test_words_are_found_with_any_separator(words: list[str], separator: str, other: str) -> None:
    title = f"{other} {separator.join(words)} {other}".replace("\n", " ").replace("\x1f", " ")
    assert matched_in(" ".join(words), video(title)) == "title"
    assert matched_in(f'"{" ".join(words)}"', video(title)) == "title"
    assert matched_in(" ".join(words), video(other.replace("\n", " "), description=f"x\n{title}")) != "nowhere"


@given(WORDS, WORDS, WORDS)
def test_a_latin_word_inside_of_another_is_not_found(before: str, word: str, after: str) -> None:
    assert matched_in(word, video(before + word + after)) == ("title" if (before + word + after) == word else "nowhere")


@given(st.dictionaries(st.integers(1, 9), TEXTS, max_size=4), TEXTS, TEXTS)
def test_keywords_do_not_affect_each_other(keywords: dict[int, str], title: str, description: str) -> None:
    of = video(title, description=description)
    each = {pk: matched_in(keyword, of) for pk, keyword in keywords.items()}
    assert places(keywords, of) == {pk: place for pk, place in each.items() if place != "nowhere"}
