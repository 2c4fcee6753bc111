"""bin/bench faults: Windhover survives some of them, and it is seen if something is lost, doubled or stuck."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.faults.injections import FAULTS
from benchmarks.faults.system import RATES, System, running_system
from benchmarks.faults.verdict import Before, Judge, come_to_rest, open_problems, recover

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("faults"), seed=7) as running:
        yield running


def test_nothing_is_lost(system: System) -> None:
    assert recover(system, tuple(RATES))[1] == []
    for name in ("kill-broker", "kill-web", "delete-during-fetch"):
        assert FAULTS[name](system, random.Random(7)) == 1
    _, stuck = recover(system)
    assert Judge(system).judge(stuck).sentences == []
    assert system.starred


def test_it_is_seen_if_something_is(system: System) -> None:
    assert come_to_rest(system) == []
    with closing(sqlite3.connect(system.database, timeout=30)) as database, database:
        newest = "SELECT id, video_id FROM videos_match ORDER BY published_at DESC LIMIT 1"
        match, video = database.execute(newest).fetchone()
        database.execute("DELETE FROM videos_match WHERE id = ?", [match])
        database.execute("UPDATE videos_video SET starred_at = NULL")
        database.execute("UPDATE videos_keywordentry SET state = 'watched', claim_token = 'held'")
        database.execute("UPDATE quota_quotaspend SET used = 0")
    before = Before.now(system)
    lost, doubled = (judged := Judge(system).judge([])).lost, judged.doubled
    assert any(f"{video} of " in sentence for sentence in lost)
    assert sum("was starred, and is not" in sentence for sentence in lost) == len(system.starred)
    assert any("in the ledger" in sentence for sentence in doubled)
    assert any("of them hidden" in sentence for sentence in doubled)
    assert sum("is still claimed" in sentence for sentence in open_problems(system, before)) == len(RATES)
