"""bin/bench api: what it measures, on both databases, and that each side answers the same videos."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.api.content import COMMON, RARE, Videos
from tests.running import clean_environment

PROMISED = [
    *("page_1", "page_100", "page_10000", "page_40000", "page_1_of_100", "cursor", "all_40000"),
    *("search_rare", "search_common", "search_absent", "store_new", "store_known"),
    *("feed_keyword", "feed_all", "stats_keyword", "stats_all", "export_csv", "export_jsonl", "export_search"),
]
SIDES = ["ours", "floor", "naive"]


def run(state: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.api", "--videos", "400", "--rounds", "1", *options],
        capture_output=True,
        text=True,
        env=clean_environment(state, {"STATE_DIR": str(state)}),
    )


@pytest.mark.system
@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_each_side_answers_the_same_videos(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if database == "postgresql":
        request.getfixturevalue("postgres")  # skips the test where PostgreSQL is missing
    finished = run(tmp_path, "--database", database, "--json")
    # It compares the answers, and ends with an error if they differ.
    assert (finished.stderr, finished.returncode) == ("", 0)

    cases: dict[str, dict[str, Any]] = json.loads(finished.stdout)
    assert set(PROMISED) <= set(cases)
    for name, figures in cases.items():
        has_floor = not name.startswith("stats_")
        assert all(figures[f"{side}_ms"] > 0 for side in SIDES if side != "floor" or has_floor), name
        assert figures["queries"] > 0
        assert set(figures["peak_mb"] or {}) == (set(SIDES) if name.startswith("export_") else set())
    for side in SIDES:
        served = cases["page_1"]["http"][side]
        assert served["requests_per_second"] > 0
        assert 0 < served["p50_ms"] <= served["p99_ms"]
    assert cases["page_1"]["rss_mb"] > 20
    assert (tmp_path / "bench" / "api" / f"{database}-400").is_dir(), "kept for the next time"


def test_the_videos_are_the_same_each_time() -> None:
    (videos, matches), *rest = generated = list(Videos(400).chunks())
    assert not rest
    assert generated == list(Videos(400).chunks())
    assert len({video[0] for video in videos}) == 400
    assert len(matches) == 440
    assert sum(keyword == 1 for keyword, *_ in matches) == 200
    texts = [f"{video[1]} {video[2]}".lower() for video in videos]
    assert 250 < sum(map(len, texts)) / 400 < 350
    assert sum(RARE in text for text in texts) in (12, 13)
    assert 0.2 < sum(COMMON in text for text in texts) / 400 < 0.5


def test_it_leaves_a_database_alone_that_it_has_not_built(postgres: str, tmp_path: Path) -> None:
    url = f"{postgres.rpartition('/')[0]}/of_another"
    with psycopg.connect(postgres, autocommit=True) as cluster:
        cluster.execute("CREATE DATABASE of_another")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE TABLE kept AS SELECT 1 AS number")
        finished = run(tmp_path, "--database", url)
        assert database.execute("SELECT number FROM kept").fetchall() == [(1,)]
    sentence = "bin/bench api: the database has tables, and was not built by bin/bench api.\n"
    assert (finished.returncode, finished.stdout, finished.stderr) == (1, "", sentence)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--videos", "some"], "argument --videos: 'some' is not a whole number from 300 to 10000000."),
        (["--only", "nothing,none"], "argument --only: nothing is named 'nothing,none'."),
        (["--database", "mysql"], "argument --database: must be sqlite, postgresql or a URL."),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(options: list[str], sentence: str, tmp_path: Path) -> None:
    finished = run(tmp_path, *options)
    assert (finished.returncode, finished.stdout, finished.stderr) == (2, "", f"bin/bench api: {sentence}\n")
