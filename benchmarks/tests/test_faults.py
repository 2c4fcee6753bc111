"""bin/bench faults: Windhover survives some of them, and it is seen if something is lost, doubled or stuck."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks.faults.injections import FAULTS
from benchmarks.faults.system import RATES, System, running_system
from benchmarks.faults.verdict import Before, Judge, come_to_rest, open_problems, recover
from tests.running import wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("faults"), seed=7) as running:
        yield running


def test_nothing_is_lost(system: System) -> None:
    assert recover(system)[1] == []
    for name in ("kill-broker", "kill-web"):
        assert FAULTS[name](system, random.Random(7)) == 1
        _, stuck = recover(system)
        assert Judge(system).judge(stuck).sentences == []
    assert system.starred


def test_it_is_seen_if_something_is(system: System) -> None:
    # A keyword's first search need not show all that was published before it was added.
    new = "SELECT 1 FROM videos_match WHERE published_at > (SELECT max(created_at) FROM videos_keywordentry)"
    wait_for(lambda: system.rows(new), lambda: "no new video was found")
    assert come_to_rest(system) == []
    with closing(sqlite3.connect(system.database, timeout=30)) as database, database:
        database.execute("DELETE FROM videos_match")
        database.execute("UPDATE videos_video SET starred_at = NULL")
        database.execute("UPDATE videos_keywordentry SET claim_token = 'held'")
        database.execute("UPDATE quota_quotaspend SET used = 0")
    before = Before.now(system)
    verdict = Judge(system).judge([])
    lost, doubled = verdict.lost, verdict.doubled
    assert any("is not stored" in sentence for sentence in lost)
    assert sum("was starred, and is not" in sentence for sentence in lost) == len(system.starred)
    assert any("in the ledger" in sentence for sentence in doubled)
    assert any("of them hidden" in sentence for sentence in doubled)
    assert sum("is still claimed" in sentence for sentence in open_problems(system, before)) == len(RATES)
