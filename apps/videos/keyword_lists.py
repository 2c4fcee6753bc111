"""Lists of keywords as text: one a line, or the CSV file of an export."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import ValidationError

from apps.videos.bulk import Item
from apps.videos.exports import cell, without_escape
from apps.videos.models import KeyWordEntry

COLUMNS: Final = ["keyword", "interval", "weight", "state"]

# What separates the columns: commas, or what spreadsheets make of them when a file is saved or a table copied.
_DELIMITERS = ",;\t"

_NUMBERS: Final[dict[str, Any]] = {
    "interval": KeyWordEntry._meta.get_field("interval"),
    "weight": KeyWordEntry._meta.get_field("weight"),
}
_State = KeyWordEntry.State


def write(entries: Iterable[KeyWordEntry]) -> str:
    """Return these keywords as CSV, which spreadsheets open safely: see exports.in_csv()."""
    file = io.StringIO()
    file.write("\ufeff")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows([cell(getattr(entry, name)) for name in COLUMNS] for entry in entries)
    return file.getvalue()


def read(text: str, **chosen: Any) -> list[Item]:
    """Return the keywords of a list: one in each line that is not empty, or those of a CSV file with write()'s header.

    Of a file each has the values of its own row; otherwise, and where a row has none, what is `chosen` for all.
    Raises csv.Error if a cell is longer than the module reads.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not (header := _header(lines)):
        numbered = enumerate(lines, start=1)
        return [Item(line, dict(chosen), line=number, source=line) for number, line in numbered if line.strip()]
    delimiter, names = header
    rows, items, begin = csv.reader([f"{line}\n" for line in lines[1:]], delimiter=delimiter), list[Item](), 1
    for row in rows:
        if any(map(str.strip, row)):
            item = _item(dict(zip(names, row, strict=False)), chosen)
            item.line, item.source = begin + 1, "\n".join(lines[begin : rows.line_num + 1])
            items.append(item)
        begin = rows.line_num + 1
    return items


def lines_of(items: Iterable[Item], text: str) -> str:
    """Return the lines of `text` from which these items were read, with the header if it is a CSV file."""
    lines = text.removeprefix("\ufeff").splitlines()
    return "\n".join([*(lines[:1] if _header(lines) else []), *(item.source for item in items)])


def _header(lines: list[str]) -> tuple[str, list[str]] | None:
    """Return what separates the columns, and their names; None if the first line is not the header of a file."""
    for delimiter in _DELIMITERS if lines else "":
        names = [name.strip().lower() for name in lines[0].split(delimiter)]
        if names[0].strip('"') == "keyword" and len(names) > 1:
            return delimiter, [name.strip('"') for name in names]
    return None


def _item(row: dict[str, str], chosen: dict[str, Any]) -> Item:
    item = Item(without_escape(row.get("keyword", "")), dict(chosen))
    try:
        for name in _NUMBERS:
            if text := row.get(name, "").strip():
                item.chosen[name] = _number(text, name)
        if state := row.get("state", "").strip():
            if state not in (_State.WATCHED, _State.PAUSED):
                raise ValidationError("The state must be watched or paused.")
            item.chosen["state"] = _State(state)
    except ValidationError as error:
        item.error = error
    return item


def _number(text: str, name: str) -> int:
    try:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        _NUMBERS[name].run_validators(number)
    except ValidationError:
        limits = {"interval": "of seconds, 30 days at most", "weight": "from 1 to 100"}
        raise ValidationError(f"The {name} must be a whole number {limits[name]}.") from None
    return number
