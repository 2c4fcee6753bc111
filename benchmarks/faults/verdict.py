"""Whether something was lost, is there twice, or is stuck: what YouTube showed is compared with what is stored."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmarks.faults.system import OFTEN, System
from benchmarks.faults.youtube import SEARCH

# Seconds to recover from a fault; what is left then counts as stuck.
LIMIT = 240

_CLOCKS_DIFFER = "SELECT message FROM incidents_incident WHERE kind = 'clocks_differ' AND closed_at IS NULL"

_OPEN = "status = 'running' OR (status = 'waiting' AND waiting_until IS NULL)"


@dataclass
class Verdict:
    """Sentences about what is wrong."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.stuck]


class Judge:
    """Compares a system with its YouTube. Each thing is reported once, so that it counts for one fault only."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._reported: set[str] = set()

    def judge(self, stuck: list[str]) -> Verdict:
        """Return what is wrong now besides what is `stuck`."""
        # First, since the database may have more than what is known here, but not less.
        made, starred = self._system.youtube.stats.requests(SEARCH), self._system.starred.copy()
        with _snapshot(self._system) as database:
            lost = [*self._lost_videos(database), *_lost_stars(database, starred), *_damage(database)]
            doubled = [*_duplicates(database), *_wrong_counts(database), *self._overlapping(database)]
            (reserved,) = database.execute("SELECT sum(used) FROM quota_quotaspend WHERE bucket = 'search'").fetchone()
        if made > (reserved or 0):
            doubled.append(f"{made} searches were made, and {reserved} are in the ledger")
        return Verdict(self._new(lost), self._new(doubled), self._new([*self._system.stuck, *stuck]))

    def _new(self, sentences: list[str]) -> list[str]:
        new = [one for one in sentences if one not in self._reported]
        self._reported.update(new)
        return new

    def _lost_videos(self, database: sqlite3.Connection) -> Iterator[str]:
        """Yield what a search for each keyword showed when its last one began, published since it was added, and
        neither stored nor in a recorded gap."""
        # By id: dates may be those of a wrong clock.
        last_search = """SELECT entry.id, entry.keyword, entry.created_at, log.created_at, max(log.id)
            FROM videos_keywordentry entry JOIN videos_videolog log ON log.keyword_id = entry.id
            WHERE entry.state <> 'deleting' AND log.status = 'done' AND log.method = 'youtube' GROUP BY entry.id"""
        for pk, keyword, created_at, searched_at, _ in database.execute(last_search).fetchall():
            stored = {
                row[0] for row in database.execute("SELECT video_id FROM videos_match WHERE keyword_id = ?", [pk])
            }
            gaps = [
                (_moment(after), _moment(before))
                for after, before in database.execute(
                    'SELECT "after", "before" FROM videos_searchgap WHERE keyword_id = ?', [pk]
                )
            ]
            # The simulator counts whole seconds.
            since = _moment(created_at) + timedelta(seconds=1)
            for video in self._system.youtube.world.search(keyword, _moment(searched_at), published_after=since):
                published_at = datetime.fromtimestamp(video.published_at, UTC)
                if video.video_id not in stored and not any(after <= published_at <= before for after, before in gaps):
                    yield f"{video.video_id} of {keyword}, published {published_at:%H:%M:%S}, is not stored"

    def _overlapping(self, database: sqlite3.Connection) -> Iterator[str]:
        """Yield fetches of a keyword that began before its last one had ended."""
        ends: dict[int, datetime] = {}
        # Not of those that were interrupted: they store nothing.
        logs = """SELECT id, keyword_id, created_at, duration FROM videos_videolog
            WHERE status = 'done' AND id > ? ORDER BY created_at"""
        for pk, keyword, created_at, duration in database.execute(logs, [self._system.misdated]):
            began = _moment(created_at)
            if keyword in ends and began < ends[keyword]:
                yield f"fetch {pk} of keyword {keyword} began before its last one had ended"
            # Its duration counts from before its log was opened.
            ends[keyword] = began + timedelta(seconds=0.9 * duration)


def open_problems(
    system: System, before: "Before", keywords: tuple[str, ...] = OFTEN, *, wrong_clock: bool = False
) -> list[str]:
    """Return what keeps the system from working again after a fault: of these keywords, each must have been searched
    for since, and nothing that was under way before may be so still. Clocks may only seem to differ if one does."""
    if not system.is_up():
        return ["web does not answer"]
    with _snapshot(system) as database:
        done = "SELECT keyword_text FROM videos_videolog WHERE status = 'done' AND method = 'youtube' AND id > ?"
        searched = {row[0] for row in database.execute(done, [before.newest_log])}
        now = Before.of(database)
        differing = [] if wrong_clock else [row[0] for row in database.execute(_CLOCKS_DIFFER)]
        erased = {row[0] for row in database.execute("SELECT id FROM videos_keywordentry")}
    return [
        *(f"{keyword} was not searched for again" for keyword in keywords if keyword not in searched),
        *(f"the log {pk} is still open" for pk in sorted(before.logs & now.logs)),
        *(f"keyword {pk} is still claimed by {token}" for pk, token in sorted(before.claims & now.claims)),
        *(f"the deleted keyword {pk} is still there" for pk in sorted(system.deleted & erased)),
        *(f"a problem is still shown: {message}" for message in differing),
    ]


@dataclass(frozen=True)
class Before:
    """What was under way at a moment."""

    newest_log: int
    logs: set[int]
    claims: set[tuple[int, str]]

    @classmethod
    def now(cls, system: System) -> "Before":
        with _snapshot(system) as database:
            return cls.of(database)

    @classmethod
    def of(cls, database: sqlite3.Connection) -> "Before":
        logs = {row[0] for row in database.execute(f"SELECT id FROM videos_videolog WHERE {_OPEN}")}
        claims = set(database.execute("SELECT id, claim_token FROM videos_keywordentry WHERE claim_token <> ''"))
        (newest_log,) = database.execute("SELECT coalesce(max(id), 0) FROM videos_videolog").fetchone()
        return cls(newest_log, logs, claims)


def recover(
    system: System, keywords: tuple[str, ...] = OFTEN, *, wrong_clock: bool = False, helped: bool = True
) -> tuple[float, list[str]]:
    """Wait until the system works again; return after how many seconds, and what does not after LIMIT.

    `helped` says that a person has keywords fetched that are postponed.
    """
    before, began = Before.now(system), time.monotonic()
    while problems := open_problems(system, before, keywords, wrong_clock=wrong_clock):
        if helped:
            system.fetch_postponed()
        if time.monotonic() - began > LIMIT:
            return time.monotonic() - began, problems
        time.sleep(0.5)
    return time.monotonic() - began, []


def come_to_rest(system: System) -> list[str]:
    """Pause all keywords; return what is claimed or open although nothing should be under way any more."""
    for (pk,) in system.rows("SELECT id FROM videos_keywordentry WHERE state = 'watched'"):
        system.request("PATCH", f"/api/keywords/{pk}/", {"state": "paused"})
    deadline = time.monotonic() + LIMIT
    while (before := Before.now(system)).logs or before.claims:
        if time.monotonic() > deadline:
            return [
                *(f"log {pk} never ends" for pk in before.logs),
                *(f"keyword {pk} stays claimed" for pk, _ in before.claims),
            ]
        time.sleep(0.5)
    return []


def _lost_stars(database: sqlite3.Connection, starred: set[str]) -> Iterator[str]:
    rows = database.execute("SELECT video_id FROM videos_video WHERE starred_at IS NOT NULL")
    for video_id in starred - {row[0] for row in rows}:
        yield f"{video_id} was starred, and is not"


def _damage(database: sqlite3.Connection) -> Iterator[str]:
    for (sentence,) in database.execute("PRAGMA integrity_check"):
        if sentence != "ok":
            yield f"the database is damaged: {sentence}"


def _duplicates(database: sqlite3.Connection) -> Iterator[str]:
    query = "SELECT keyword_id, video_id, count(*) FROM videos_match GROUP BY keyword_id, video_id HAVING count(*) > 1"
    for keyword, video, number in database.execute(query):
        yield f"{video} is stored {number} times for keyword {keyword}"


def _wrong_counts(database: sqlite3.Connection) -> Iterator[str]:
    counted = """SELECT 'keyword ' || keyword, video_count, hidden_count,
            (SELECT count(*) FROM videos_match WHERE keyword_id = entry.id),
            (SELECT count(*) FROM videos_match WHERE keyword_id = entry.id AND hidden)
        FROM videos_keywordentry entry WHERE state <> 'deleting'
        UNION ALL SELECT 'the total', count, hidden_count, (SELECT count(*) FROM videos_video),
            (SELECT count(*) FROM videos_video WHERE hidden_at IS NOT NULL) FROM videos_videototal"""
    for name, count, hidden, rows, hidden_rows in database.execute(counted):
        if (count, hidden) != (rows, hidden_rows):
            yield f"{name} counts {count} videos, {hidden} of them hidden; there are {rows} and {hidden_rows}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@contextmanager
def _snapshot(system: System) -> Iterator[sqlite3.Connection]:
    """Open the database for reading, as it is at one moment."""
    with closing(sqlite3.connect(f"file:{system.database}?mode=ro", uri=True, timeout=20)) as database:
        database.execute("BEGIN")
        yield database
