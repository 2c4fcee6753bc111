"""Full text search: what people type, as a condition on videos.

The index is made of the words of titles, descriptions and channels, see fulltext_index.py. This module turns a text
into a query of that index in the language of the database, SQLite's FTS5 or PostgreSQL's tsquery. Whatever is typed,
the result is a valid query.

Both databases are asked for the same terms: words without accents, and pairs of neighbouring characters where a script
has no spaces between words. So any part of such a text is found if it has two characters or more, and a single
character as the beginning of a pair.

SQLite plans a query without knowing how many rows match. Where many do, it would collect and sort them all for a page
of ten, so the condition is written in two parts: the newest matches, and all of them. The second is computed only
for rows older than those in the first part. Rows of the index are numbered by publication date for this purpose.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from django.db import connections
from django.db.models import BooleanField, F, Func, Q

from apps.videos.fulltext_index import DOCUMENTS, INDEX, encoded, pieces, published_since

# What is typed beyond is ignored: no one types so much, and each term costs time.
MOST_CHARACTERS: Final = 500

# With as many matches or fewer, SQLite sorts them; with more, it walks an index on the order and looks for them. Pages
# count up to as many, so a count is quick as well.
FEW: Final = 10_001

_PART = re.compile(
    r"""(?P<minus>-)?(?P<channel>channel:\s*)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))""", re.IGNORECASE
)


@dataclass(frozen=True)
class Term:
    """One word or phrase that a video must contain, or must not."""

    pieces: list[str]
    open_end: bool
    in_channel: bool
    excluded: bool

    @property
    def fts5(self) -> str:
        phrase = '"' + " ".join(map(encoded, self.pieces)) + '"' + (" *" if self.open_end else "")
        return f"channel_title : {phrase}" if self.in_channel else phrase

    @property
    def tsquery(self) -> str:
        marks = "*" * self.open_end + "C" * self.in_channel
        lexemes = [f"'{encoded(piece)}'" + ":C" * self.in_channel for piece in self.pieces]
        lexemes[-1] = f"'{encoded(self.pieces[-1])}'" + (f":{marks}" if marks else "")
        return "(" + " <-> ".join(lexemes) + ")"


class Search:
    """A search as typed, and the condition that a video has to meet."""

    def __init__(self, text: str) -> None:
        self.is_blank = not text.strip()
        if len(text) > MOST_CHARACTERS:
            text = text[: MOST_CHARACTERS + 1].rpartition(" ")[0] or text[:MOST_CHARACTERS]  # no half words
        terms = list(_terms(text))
        self.wanted = [term for term in terms if not term.excluded]
        self.excluded = [term for term in terms if term.excluded]

    def condition(self, database: str, video: str) -> Q:
        """Return the condition for rows whose field `video` is a video's id, and which have its `published_at`.

        One short query on SQLite, none on PostgreSQL.
        """
        if self.is_blank:
            return Q()
        if not self.wanted and not self.excluded:
            return Q(pk__in=[])
        if not self.wanted:
            return ~Q(_Matches(F(video), self._any_excluded))
        if connections[database].vendor == "sqlite" and (since := self._since(database)):
            newest, every = _Matches(F(video), self.query, newest=True), _Matches(F(video), self.query, walked=True)
            return Q(newest) | Q(published_at__lt=since) & Q(every)
        return Q(_Matches(F(video), self.query))

    @cached_property
    def query(self) -> "Query":
        fts5 = " AND ".join(term.fts5 for term in self.wanted)
        tsquery = " & ".join(term.tsquery for term in self.wanted)
        if self.excluded:
            fts5 = f"({fts5}) NOT ({self._any_excluded.fts5})"
            tsquery = f"{tsquery} & !({self._any_excluded.tsquery})"
        return Query(fts5, tsquery)

    @property
    def _any_excluded(self) -> "Query":
        fts5 = " OR ".join(term.fts5 for term in self.excluded)
        return Query(fts5, " | ".join(term.tsquery for term in self.excluded))

    def _since(self, database: str) -> datetime | None:
        """Return the moment since which all matches are among the newest `FEW`, or None if these are all."""
        with connections[database].cursor() as cursor:
            cursor.execute(
                f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s ORDER BY rowid LIMIT 1 OFFSET %s",
                [self.query.fts5, FEW - 1],
            )
            row = cursor.fetchone()
        return datetime.fromtimestamp(published_since(row[0]) + 1, UTC) if row else None


@dataclass(frozen=True)
class Query:
    """The same query in the languages of both databases."""

    fts5: str
    tsquery: str


class _Matches(Func):
    """Whether the index has the video for a query.

    `newest`: only the newest matches. `walked`: not to be used for finding rows, only for testing them. Both are for
    SQLite.
    """

    output_field = BooleanField()

    def __init__(self, video: F, query: Query, *, newest: bool = False, walked: bool = False) -> None:
        super().__init__(video)
        self.query, self.newest, self.walked = query, newest, newest or walked

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source_expressions[0])
        found = f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s"
        if self.newest:
            found += f" ORDER BY rowid LIMIT {FEW}"
        # Without an index, because of the plus sign.
        plus = "+" * self.walked
        sql = f"{plus}{column} IN (SELECT video_id FROM {DOCUMENTS} WHERE id IN ({found}))"
        return sql, (*params, self.query.fts5)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source_expressions[0])
        found = "terms @@ to_tsquery('pg_catalog.simple', %s)"
        return f"{column} IN (SELECT video_id FROM {INDEX} WHERE {found})", (*params, self.query.tsquery)


def _terms(text: str) -> Iterator[Term]:
    """Read what was typed. Every text has a meaning: what is not an operator in its place is a word."""
    for part in _PART.finditer(text):
        typed = part["phrase"] if part["word"] is None else part["word"]
        words, run_at_end = pieces(typed)
        if words:
            prefix = part["phrase"] is None and typed.endswith("*")
            single = run_at_end and len(words[-1]) == 1
            yield Term(words, (prefix and not run_at_end) or single, bool(part["channel"]), bool(part["minus"]))
