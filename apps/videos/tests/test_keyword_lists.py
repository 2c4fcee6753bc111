"""Lists of keywords as text: lines, and the CSV file of an export, which can be imported again."""

import csv
import io
from typing import Any

import pytest

from apps.videos import bulk, keyword_lists
from apps.videos.models import KeyWordEntry
from apps.videos.tests.builders import ODD_KEYWORDS

pytestmark = pytest.mark.django_db

FORMULAS = ["=1+1", "+49", "-rain", "@home", "＝x", "'n sync", "'=x", "''"]


def stored() -> list[tuple[Any, ...]]:
    return list(KeyWordEntry.objects.order_by("normalized").values_list("keyword", "interval", "weight", "state"))


def test_a_round_trip_keeps_everything() -> None:
    for number, word in enumerate([*ODD_KEYWORDS, *FORMULAS, 'say "hi", twice', "a;b,c\td"]):
        state = ["watched", "paused"][number % 2]
        KeyWordEntry.objects.create(
            keyword=word, interval=[None, 60 * number + 1][number % 3 > 0], weight=number + 1, state=state
        )
    before = stored()
    text = keyword_lists.write(KeyWordEntry.objects.all())
    KeyWordEntry.objects.all().delete()
    items = keyword_lists.read(text)
    bulk.add(items)
    assert not [item for item in items if item.error]
    assert stored() == before


def test_a_spreadsheet_takes_nothing_for_a_formula() -> None:
    for word in FORMULAS:
        KeyWordEntry.objects.create(keyword=word)
    rows = list(csv.reader(io.StringIO(keyword_lists.write(KeyWordEntry.objects.all()).removeprefix("\ufeff"))))
    assert rows[0] == ["keyword", "interval", "weight", "state"]
    assert {row[0] for row in rows[1:]} == {f"'{word}" for word in FORMULAS}


def test_each_line_is_a_keyword() -> None:
    items = keyword_lists.read("\ufeffkestrel\r\n\n  red, kite \n'n sync", interval=60)
    assert [(item.line, item.keyword) for item in items] == [(1, "kestrel"), (3, "  red, kite "), (4, "'n sync")]
    assert all(item.chosen == {"interval": 60} for item in items)


def test_a_line_that_is_only_the_word_keyword_is_one() -> None:
    assert [item.keyword for item in keyword_lists.read("keyword\nkestrel")] == ["keyword", "kestrel"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_named_in_the_first_line(delimiter: str) -> None:
    rows = [["Keyword", "weight", "Interval"], ["kestrel", "3", "60"], ["owl", "", ""], ["", "", ""]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    kestrel, owl = keyword_lists.read(text, interval=900)
    assert (kestrel.keyword, kestrel.chosen) == ("kestrel", {"interval": 60, "weight": 3})
    assert (owl.keyword, owl.chosen) == ("owl", {"interval": 900})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("kestrel,0,1,", "The interval must be a whole number of seconds, 30 days at most."),
        ("kestrel,1 h,1,", "The interval must be a whole number of seconds, 30 days at most."),
        ("kestrel,99999999,1,", "The interval must be a whole number of seconds, 30 days at most."),
        ("kestrel,60,101,", "The weight must be a whole number from 1 to 100."),
        ("kestrel,60,²,", "The weight must be a whole number from 1 to 100."),
        ("kestrel,60,1,deleting", "The state must be watched or paused."),
        (",60,1,watched", "Enter a keyword."),
    ],
)
def test_a_wrong_value_refuses_its_row_and_no_other(row: str, says: str) -> None:
    text = f"keyword,interval,weight,state\nowl,,,\n{row}\nwren,,,"
    items = keyword_lists.read(text)
    bulk.add(items)
    assert [str(item.outcome) for item in items] == ["new", "refused", "new"]
    assert items[1].error
    assert items[1].error.messages == [says]
    assert items[1].line == 3
    left = keyword_lists.lines_of([items[1]], text)
    assert left == f"keyword,interval,weight,state\n{row}"
    assert [item.keyword for item in keyword_lists.read(left)] == [items[1].keyword]


def test_a_row_of_several_lines_is_kept_whole() -> None:
    text = 'keyword,weight\nowl,1\n"two\nlines",999\nwren,1'
    items = keyword_lists.read(text)
    assert [(item.line, item.keyword) for item in items] == [(2, "owl"), (3, "two\nlines"), (5, "wren")]
    assert keyword_lists.lines_of([items[1]], text) == 'keyword,weight\n"two\nlines",999'


def test_the_lines_of_a_list_without_columns_stay_as_they_are() -> None:
    text = "kestrel\n  \u200b\nowl"
    items = keyword_lists.read(text)
    bulk.review(items)
    assert keyword_lists.lines_of([item for item in items if item.error], text) == "  \u200b"
