"""Parse search queries and match texts against them."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

_PIECE = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"|]+))|(?P<bar>\|)')


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return the form in which texts are compared: NFKC, case-folded, white space collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True)
class Query:
    """A parsed search text; every term is folded.

    `alternatives` are joined by OR, the terms inside each by AND; no `excluded` term may occur. A query
    without alternatives matches everything.
    """

    alternatives: tuple[tuple[str, ...], ...]
    excluded: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Read `a|b "two words" -without`.

        `|` has the lowest precedence. Exclusions apply to every alternative, as in the example of the reference of
        search.list, `boating|sailing -fishing`. An unmatched quote is ignored.
        """
        alternatives: list[list[str]] = [[]]
        excluded: list[str] = []
        for piece in _PIECE.finditer(text):
            if piece["bar"]:
                alternatives.append([])
                continue
            term = fold(piece["phrase"] or piece["word"] or "")
            if term:
                (excluded if piece["minus"] else alternatives[-1]).append(term)
        return cls(tuple(tuple(terms) for terms in alternatives if terms), tuple(excluded))

    @property
    def has_or(self) -> bool:
        return len(self.alternatives) > 1

    def as_read_word_by_word(self) -> "Query":
        """Return the query that it is if `a b|c d` means that all of a, b, c and d occur, as users report of YouTube;
        the same query if no alternative has several words."""
        if not self.has_or or all(len(terms) == 1 for terms in self.alternatives):
            return self
        every = tuple(dict.fromkeys(term for terms in self.alternatives for term in terms))
        return replace(self, alternatives=(every,))

    def matches(self, folded: str) -> bool:
        """Return whether a folded text matches this query."""
        if any(occurs(term, folded) for term in self.excluded):
            return False
        return not self.alternatives or any(all_occur(terms, folded) for terms in self.alternatives)


def all_occur(terms: tuple[str, ...], folded: str) -> bool:
    """Return whether each of the folded `terms` occurs in the folded text."""
    return all(occurs(term, folded) for term in terms)


def occurs(term: str, folded: str) -> bool:
    """Return whether `term` occurs as whole words: `go` is in `let's go!` but not in `good`.

    Only letters that have a case, and digits, form words; in scripts written without spaces a term may start
    and end anywhere.
    """
    at = folded.find(term)
    while at >= 0:
        end = at + len(term)
        if not (_run_together(folded[at - 1 : at], term[0]) or _run_together(term[-1], folded[end : end + 1])):
            return True
        at = folded.find(term, at + 1)
    return False


def _run_together(left: str, right: str) -> bool:
    return all(letter.isdigit() or letter.upper() != letter for letter in (left, right)) if left and right else False
