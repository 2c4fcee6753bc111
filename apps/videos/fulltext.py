"""Full text search: what people type, as a condition on videos.

The index is made of the words of titles, descriptions and channels, see fulltext_index.py. This module turns a text
into a query of that index in the language of the database, SQLite's FTS5 or PostgreSQL's tsquery. Whatever is typed,
the result is a valid query.

Both databases look for the same terms: words without accents, and pairs of neighbouring characters where a script
has no spaces between words. So any part of such a text is found if it has two characters or more, and a single
character as the beginning of a pair.

SQLite plans a query without knowing how many videos match. Few matches are looked up and sorted. Where there are many,
that would take long for a page of ten: there an index on the order is walked, and each row looked for among the newest
matches; older rows among more of them, and the oldest among all, by their numbers in the index, without looking up
their videos. SQLite collects a list of matches when the first row needs it, so the first pages never wait for the long
ones. FTS5 lists the newest matches first because documents are numbered by publication date. Without an order, as for a
count, the matches are looked up until there are enough, the newest first.

PostgreSQL knows from its statistics how common the most frequent words are, and chooses by itself; of all others it
expects far too many, and would walk through a million videos for a word in twelve of them. So where there are few
matches they are gathered first. Where there are more, either way is short.
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

# What is typed beyond this length is ignored: longer searches are mistakes, and each term costs time.
MAX_CHARACTERS: Final = 500

# The numbers of newest matches that SQLite looks among. With as few as the first, all are sorted, on PostgreSQL, too.
# The second is one more than pages count.
NEWEST: Final = (2_000, 10_001)

# PostgreSQL's condition for a document.
_FOUND: Final = "terms @@ to_tsquery('pg_catalog.simple', %s)"

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
        if len(text) > MAX_CHARACTERS:
            text = text[: MAX_CHARACTERS + 1].rpartition(" ")[0] or text[:MAX_CHARACTERS]  # no half words
        terms = list(_terms(text))
        self.wanted = [term for term in terms if not term.excluded]
        self.excluded = [term for term in terms if term.excluded]

    def condition(self, database: str, video: str) -> Q:
        """Return the condition for rows whose field `video` is a video's id, and which have its `published_at`.

        One short query, now.
        """
        if self.is_blank:
            return Q()
        if not self.wanted and not self.excluded:
            return Q(pk__in=[])
        if not self.wanted:
            return ~Q(_Matches(F(video), self._any_excluded, {}))
        if connections[database].vendor == "sqlite":
            return Q(_Matches(F(video), self.query, self._since(database)))
        return Q(_Matches(F(video), self.query, {}, few=self.count(database, NEWEST[0] + 1) <= NEWEST[0]))

    def count(self, database: str, limit: int) -> int:
        """Return the number of videos that match, at most `limit`; some word must be `wanted`.

        One query of the index alone, which has a document for each video.
        """
        is_sqlite = connections[database].vendor == "sqlite"
        found = f"{INDEX} MATCH %s" if is_sqlite else _FOUND
        with connections[database].cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM {INDEX} WHERE {found} LIMIT %s) AS found",
                [self.query.fts5 if is_sqlite else self.query.tsquery, limit],
            )
            return int(cursor.fetchone()[0])

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

    def _since(self, database: str) -> dict[int, datetime]:
        """Return a moment since which all matches are among the newest ones, by their number, if there are so many."""
        numbered = f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s ORDER BY rowid LIMIT 1 OFFSET %s"
        since = {}
        with connections[database].cursor() as cursor:
            for number in NEWEST:
                cursor.execute(numbered, [self.query.fts5, number - 1])
                if not (row := cursor.fetchone()):
                    break
                since[number] = datetime.fromtimestamp(published_since(row[0]) + 1, UTC)
        return since


@dataclass(frozen=True)
class Query:
    """The same query in the languages of both databases."""

    fts5: str
    tsquery: str


class _Matches(Func):
    """Whether the index has the video for a query.

    `since` is Search._since()'s; `few`, whether PostgreSQL is to gather all matches first.
    """

    output_field = BooleanField()

    def __init__(self, video: F, query: Query, since: dict[int, datetime], *, few: bool = False) -> None:
        super().__init__(video, F("published_at"))
        self.query, self.since, self.few = query, since, few

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        video, published_at = (compiler.compile(source)[0] for source in self.source_expressions)
        found = f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s"
        among = f"IN (SELECT video_id FROM {DOCUMENTS} WHERE id IN ({{}}))"
        numbers = [number for number in NEWEST if number in self.since]
        newest = {number: among.format(f"{found} ORDER BY rowid LIMIT {number}") for number in numbers}
        if not compiler.query.order_by:
            # SQLite looks up one list after the other, leaving out what it has had: "MULTI-INDEX OR".
            lists = [newest[number] for number in numbers if number == NEWEST[-1]] + [among.format(found)]
            return f"({' OR '.join(f'{video} {a_list}' for a_list in lists)})", (self.query.fts5,) * len(lists)
        older, conditions, params = "", [], []
        for number in numbers:
            # The plus signs keep SQLite from using these conditions to find rows.
            conditions.append(f"{older} +{video} {newest[number]}")
            older = f"+{published_at} < %s AND"
            params += [self.query.fts5, connection.ops.adapt_datetimefield_value(self.since[number])]
        among_all = f"{'+' * bool(numbers)}{video} {among.format(found)}"
        if NEWEST[-1] in self.since:
            # Gathering the videos of all these matches would take twenty times as long as their numbers alone.
            among_all = f"(SELECT id FROM {DOCUMENTS} WHERE video_id = {video}) IN ({found})"
        conditions.append(f"{older} {among_all}")
        return f"({' OR '.join(conditions)})", (*params, self.query.fts5)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source_expressions[0])
        found = f"SELECT video_id FROM {INDEX} WHERE {_FOUND}"
        among = f"= ANY (ARRAY({found}))" if self.few else f"IN ({found})"
        return f"{column} {among}", (*params, self.query.tsquery)


def _terms(text: str) -> Iterator[Term]:
    """Read what was typed. Every text has a meaning: what is not an operator in its place is a word."""
    for part in _PART.finditer(text):
        typed = part["phrase"] if part["word"] is None else part["word"]
        words, run_at_end = pieces(typed)
        if words:
            prefix = part["phrase"] is None and typed.endswith("*")
            single = run_at_end and len(words[-1]) == 1
            yield Term(words, (prefix and not run_at_end) or single, bool(part["channel"]), bool(part["minus"]))
