"""Tables in a terminal."""

from collections.abc import Collection

from wcwidth import ljust, rjust, width

from core.redaction import escape_controls


def table(header: list[str], rows: list[list[str]], figures: Collection[int] = ()) -> list[str]:
    """Return the lines of a table, none if it has no rows; the columns `figures` are aligned to the right."""
    if not rows:
        return []
    lines = [[escape_controls(cell) for cell in line] for line in (header, *rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join((rjust if n in figures else ljust)(cell, widths[n]) for n, cell in enumerate(line)).rstrip()
        for line in lines
    ]
