"""Which keywords are searched for together, by one query `a|b|c`: pure arithmetic, no database.

Why. With `n` searches a day for a group that finds `R` videos a day, a video waits half of `1/n` days on average,
whatever keyword it is about. If the searches are divided by the square-root law (allocation.py), the average over all
videos is least where the sum of `sqrt(R_g)` over the groups is least. The root is concave, so few uneven groups are
better than many even ones: of all ways to form groups of at most `k` keywords, cutting the list of keywords, sorted by
rate, into pieces of `k` is the best (the sum is Schur-concave, and these pieces majorise all others).

Whether `a|b` really finds what `a` and `b` find is not documented for words that are not in the examples of YouTube's
reference, and users report that an alternative of several words can lose results of the whole query. So it is
measured: now and then a keyword of a group is searched for alone, which shows what the group should have delivered
(Evidence). A keyword, or a group, that is not delivered well enough is searched for alone as well, or only.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

# Twenty keywords of the usual length need about 240 characters. More of them would gain little more, and a busy group's
# page of 50 results would be full too often.
MOST_KEYWORDS: Final = 20
# YouTube documents no limit for the length of a query. This is what a person might type, and well within what addresses
# may have; if YouTube refuses a shared query, shorter ones are used.
MOST_CHARACTERS: Final = 300
SEPARATOR: Final = "|"

# Groups stay as they are unless other ones would find videos this much earlier.
WORTHWHILE_GAIN: Final = 0.05

# A keyword is delivered well enough if the group delivers this share of what a second search for it alone would.
GOOD: Final = 0.9
# A keyword of a good group is searched for alone as well while it may be delivered worse than this.
SURELY_GOOD: Final = 0.95
# A group is given up if its searches, and those for its keywords alone, gain less than a fifth over the latter.
WORTHWHILE_DELAY: Final = 0.8

# The share of the day's searches that go to audits: to single searches for keywords that are shared.
AUDIT_SHARE: Final = 0.05

# Audits per day of a keyword, at most: only videos that are older than 90 minutes are evidence.
MOST_AUDITS: Final = 24.0

# YouTube may change how it treats such queries, so evidence loses half of its weight in this time.
HALF_LIFE: Final = timedelta(days=10)

# Two searches for the same keyword show slightly different videos. How different is known from so many.
ENOUGH: Final = 50.0

# What is assumed without evidence, which counts as much as two videos.
PRIOR_DELIVERED: Final = 0.9
PRIOR_VIDEOS: Final = 2.0

# The quantile of the normal distribution for 95 % of the probability.
_Z: Final = 1.96

_OPERATORS = re.compile(r'["|]|(?:^|\s)-')


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of the videos that searches for a keyword alone showed: how many `expected` ones an earlier search should have
    shown, and how many of these it had `delivered`. Old ones count less, so these are fractions."""

    expected: float = 0.0
    delivered: float = 0.0

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(self.expected + other.expected, self.delivered + other.delivered)

    def aged(self, elapsed: timedelta) -> "Evidence":
        """Return what it is worth after `elapsed`."""
        factor = 0.5 ** (max(elapsed, timedelta()) / HALF_LIFE)
        return Evidence(self.expected * factor, self.delivered * factor)

    def share(self, prior: float = PRIOR_DELIVERED) -> float:
        """Return the estimated share delivered, from 0 to 1; without evidence the `prior` one."""
        return (self.delivered + prior * PRIOR_VIDEOS) / (self.expected + PRIOR_VIDEOS)

    @property
    def bounds(self) -> tuple[float, float]:
        """The bounds of the share delivered: Wilson's interval, which holds in 95 of 100 cases (E. B. Wilson, 1927)."""
        n, z2 = self.expected, _Z * _Z
        if not n:
            return 0.0, 1.0
        p = min(1.0, self.delivered / n)
        middle, half = p + z2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, (middle - half) / (1 + z2 / n)), min(1.0, (middle + half) / (1 + z2 / n))


NO_EVIDENCE: Final = Evidence()


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword to plan. `evidence` is of searches for its group, `evidence_alone` of searches for it alone; `group` is
    the one that it is in now. `is_refused`: YouTube did not accept its query the last time.
    `has_own_interval`: its interval was requested for it, and not as the default."""

    id: int
    query: str
    rate: float
    weight: float = 1.0
    requested_interval: int | None = None
    evidence: Evidence = NO_EVIDENCE
    evidence_alone: Evidence = NO_EVIDENCE
    group: int | None = None
    is_refused: bool = False
    has_own_interval: bool = False

    @property
    def value(self) -> float:
        return self.weight * self.rate

    @property
    def has_several_words(self) -> bool:
        """Whether YouTube may read it as several words, which may lose results of the whole query."""
        return len(re.findall(r"[^\W_]+", self.query)) > 1


@dataclass(frozen=True, slots=True)
class Group:
    """Keywords that are searched for together. `id` is that of the group they were in before, if any.

    `extra` says for which of them searches alone are needed as well, and which share of their videos these find: what
    the group does not deliver. `is_leaking`: that is not only assumed, so these searches must show all of their videos.
    """

    keywords: Sequence[Keyword]
    id: int | None = None
    extra: Mapping[int, float] = field(default_factory=dict)
    is_leaking: bool = False

    @property
    def rate(self) -> float:
        return sum(keyword.rate for keyword in self.keywords)

    @property
    def weight(self) -> float:
        """The average weight of a video."""
        return sum(keyword.value for keyword in self.keywords) / self.rate

    @property
    def requested_interval(self) -> int | None:
        """The shortest interval that was chosen for a keyword; None if one of them has the automatic one."""
        chosen = [keyword.requested_interval for keyword in self.keywords]
        return None if None in chosen else min(filter(None, chosen))

    @property
    def evidence(self) -> Evidence:
        return sum((keyword.evidence for keyword in self.keywords), NO_EVIDENCE)


def can_be_shared(keyword: Keyword) -> bool:
    """Return whether a keyword may be an alternative of a query: not if it has what YouTube reads as operators."""
    return not keyword.is_refused and not _OPERATORS.search(keyword.query)


def query_of(queries: Iterable[str]) -> str:
    return SEPARATOR.join(queries)


def arrange(
    keywords: Collection[Keyword], most_characters: int = MOST_CHARACTERS, *, regroup: bool = True
) -> list[Group]:
    """Return the groups to search for; keywords in none of them are searched for alone.

    Queries have at most `most_characters`. Without `regroup`, no keyword joins a group or changes it.
    """
    agreement = _agreement(keywords)
    good = GOOD * agreement
    free = [one for one in keywords if can_be_shared(one) and one.evidence.bounds[1] >= good]
    several = [one for one in keywords if one.has_several_words]
    is_proven = sum((one.evidence for one in several), NO_EVIDENCE).bounds[0] >= good
    pieces = list[list[Keyword]]()
    prior_of = dict[int, float]()
    for kind in [free] if is_proven else _by_kind(free):
        # What is known of all such keywords, also of those that left their groups.
        alike = (
            keywords if is_proven else [one for one in keywords if one.has_several_words == kind[0].has_several_words]
        )
        prior = sum((one.evidence for one in alike), NO_EVIDENCE).share()
        prior_of |= {one.id: prior for one in kind}
        pieces += _stable(kind, most_characters, regroup)
    guarded = [_guarded(group, prior_of[group.keywords[0].id], agreement) for group in _named(pieces)]
    return [group for group in guarded if group]


def _by_kind(keywords: Collection[Keyword]) -> list[list[Keyword]]:
    """Return the single words and the others: these are not mixed before audits have proved that they may be."""
    kinds = ([one for one in keywords if one.has_several_words == several] for several in (False, True))
    return [kind for kind in kinds if kind]


def audits(groups: Collection[Group], searches_per_day: float) -> dict[int, float]:
    """Return how many times a day each shared keyword is audited, at least: AUDIT_SHARE of `searches_per_day`, and not
    less than one in all; most often those about which least is known."""
    unknown = {}
    for keyword in (keyword for group in groups for keyword in group.keywords):
        low, high = keyword.evidence.bounds
        unknown[keyword.id] = high - low
    per_day = max(1.0, AUDIT_SHARE * searches_per_day)
    total = sum(unknown.values())
    return {id: min(MOST_AUDITS, per_day * width / total) for id, width in unknown.items()}


def _agreement(keywords: Collection[Keyword]) -> float:
    """Return the share of what a second search for a keyword alone finds that the first had found as well: no more can
    be expected of a group."""
    alone = sum((one.evidence_alone for one in keywords), NO_EVIDENCE)
    return alone.share(prior=1.0) if alone.expected >= ENOUGH else 1.0


def _stable(keywords: Collection[Keyword], most_characters: int, regroup: bool) -> list[list[Keyword]]:
    """Return the keywords of the present groups, with what was added and without what is gone, unless new groups are
    worth a change."""
    present: dict[int, list[Keyword]] = defaultdict(list)
    for keyword in keywords:
        if keyword.group is not None:
            present[keyword.group].append(keyword)
    kept = [_Piece(most_characters, _alike(members)) for _, members in sorted(present.items())]
    kept = [piece for piece in kept if 1 < len(piece.members) <= MOST_KEYWORDS and piece.length <= most_characters]
    if not regroup:
        return [piece.members for piece in kept]
    staying = {keyword.id for piece in kept for keyword in piece.members}
    kept = _fill(kept, [one for one in keywords if one.id not in staying], most_characters)
    fresh = _fill([], keywords, most_characters)
    better = _delay(fresh) < (1 - WORTHWHILE_GAIN) * _delay(kept)
    return [piece.members for piece in (fresh if better else kept) if len(piece.members) > 1]


def _alike(keywords: Sequence[Keyword]) -> list[Keyword]:
    """Return those that have chosen intervals, as the first one has, or have not."""
    return [one for one in keywords if _is_automatic(one) == _is_automatic(keywords[0])]


def _is_automatic(keyword: Keyword) -> bool:
    return keyword.requested_interval is None


@dataclass(slots=True, eq=False)
class _Piece:
    """A group that is being put together."""

    most_characters: int
    members: list[Keyword]
    length: int = field(init=False)  # of the query, kept because it is asked for each keyword

    def __post_init__(self) -> None:
        self.length = len(query_of(one.query for one in self.members))

    def add(self, keyword: Keyword) -> None:
        self.members.append(keyword)
        self.length += len(SEPARATOR) + len(keyword.query)

    def has_room(self, characters: int) -> bool:
        enough = self.length + len(SEPARATOR) + characters <= self.most_characters
        return enough and len(self.members) < MOST_KEYWORDS

    def takes(self, keyword: Keyword) -> bool:
        return self.has_room(len(keyword.query)) and _is_automatic(self.members[0]) == _is_automatic(keyword)


def _fill(pieces: Sequence[_Piece], keywords: Iterable[Keyword], most_characters: int) -> list[_Piece]:
    """Return `pieces` with these keywords: each in the first one with room, those with most videos first, or those
    with the shortest chosen interval."""
    filled = [_Piece(piece.most_characters, list(piece.members)) for piece in pieces]
    keywords = sorted(keywords, key=lambda one: (one.requested_interval or 0, -one.value, one.id))
    shortest = min((len(one.query) for one in keywords), default=0)
    # Of thousands of pieces nearly all are full: only the others are looked through.
    unfilled = [piece for piece in filled if piece.has_room(shortest)]
    for keyword in keywords:
        if piece := next((piece for piece in unfilled if piece.takes(keyword)), None):
            piece.add(keyword)
            if not piece.has_room(shortest):
                unfilled.remove(piece)
        else:
            filled.append(_Piece(most_characters, [keyword]))
            unfilled.append(filled[-1])
    return filled


def _delay(pieces: Iterable[_Piece]) -> float:
    """Return a number that is proportional to the mean delay of the videos that these find, by the square-root law."""
    return sum(math.sqrt(sum(one.value for one in piece.members)) for piece in pieces) ** 2


def _named(pieces: Iterable[Sequence[Keyword]]) -> list[Group]:
    """Return the groups, each with the id of the present one of which it has most keywords."""
    groups, taken = [], set[int]()
    for members in sorted(pieces, key=len, reverse=True):
        before = Counter(one.group for one in members if one.group is not None and one.group not in taken)
        id = before.most_common(1)[0][0] if before else None
        if id is not None:
            taken.add(id)
        groups.append(Group(members, id))
    return groups


def _guarded(group: Group, prior: float, agreement: float) -> Group | None:
    """Return the group with the searches that its keywords need alone as well; None if it is to be given up.

    If a share `p` is delivered, the group's searches and those for its keywords alone, which then only have to find the
    rest, together have the mean delay (sqrt(p * D_group) + sqrt((1 - p) * D_alone)) ** 2, again by the square-root law.
    """
    low, high = group.evidence.bounds
    proven = low >= GOOD * agreement
    delivered = min(1.0, high / agreement)
    values = [keyword.value for keyword in group.keywords]
    gain = sum(values) / sum(map(math.sqrt, values)) ** 2  # D_group / D_alone
    if not proven and (math.sqrt(delivered * gain) + math.sqrt(1 - delivered)) ** 2 > WORTHWHILE_DELAY:
        return None
    of_group = group.evidence.share(prior)
    extra = {}
    for keyword in group.keywords:
        if not proven or keyword.evidence.bounds[1] < SURELY_GOOD * agreement:
            extra[keyword.id] = max(0.0, 1 - keyword.evidence.share(of_group) / agreement)
    extra = {id: share for id, share in extra.items() if share}
    return replace(group, extra=extra, is_leaking=high < SURELY_GOOD * agreement or proven)
