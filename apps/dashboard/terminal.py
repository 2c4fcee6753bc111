"""Tables in a terminal."""

from collections.abc import Collection

from wcwidth import ljust, rjust, width


def table(header: list[str], rows: list[list[str]], figures: Collection[int] = ()) -> list[str]:
    """Return the lines of a table, none if it has no rows; the columns `figures` are aligned to the right."""
    if not rows:
        return []
    lines = [header, *rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join((rjust if n in figures else ljust)(cell, widths[n]) for n, cell in enumerate(line)).rstrip()
        for line in lines
    ]
