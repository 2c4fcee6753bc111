"""bin/bench quota: what it measures, and the promise that it checks."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quota.setting import Setting
from benchmarks.quota.strategies import best_searches, timetable

SEED = 1
QUOTA = 100


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "benchmarks.quota", *options], capture_output=True, text=True)


@pytest.mark.timeout(300)
def test_a_day_shows_what_is_promised(tmp_path: Path) -> None:
    """One test, since a simulated day takes half a minute."""
    chart = tmp_path / "quota.svg"
    finished = run("--seed", str(SEED), "--json", "--chart", str(chart))
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    figures: dict[str, dict[str, Any]] = json.loads(finished.stdout)

    assert list(figures) == ["burst", "even", "windhover", "optimum"]
    for strategy in figures.values():
        assert list(strategy) == ["searches", "found", "mean", "median", "p95", "missed"]
        assert 0 <= strategy["found"] <= 1
        assert 0 <= strategy["median"] <= strategy["p95"] <= 24 * 60
        assert 0 <= strategy["mean"] <= 24 * 60
        assert strategy["searches"] <= QUOTA
    assert figures["burst"]["searches"] == QUOTA
    assert figures["burst"]["found"] < 0.05, "using all searches at once finds almost nothing"
    assert figures["windhover"]["missed"] == 0
    assert figures["windhover"]["found"] > 0.9
    assert figures["windhover"]["mean"] <= 1.10 * figures["optimum"]["mean"]
    assert "<svg" in chart.read_text()


def test_the_optimum_follows_the_square_root() -> None:
    searches = best_searches([1, 4, 9, 400], usable=16)
    assert sum(searches) == pytest.approx(16)
    # A page holds fifty videos, so the busiest needs more than its root.
    assert searches[3] == pytest.approx(400 / 30)
    assert [n / searches[0] for n in searches[:3]] == pytest.approx([1, 2, 3])


@pytest.mark.parametrize("keywords", [1, 2, 7, 20, 50])
def test_evenly_spaced_searches_are_as_many_as_there_are(keywords: int) -> None:
    searches = best_searches(list(Setting(SEED, keywords, videos=1000, keys=1).rates.values()), usable=90)
    planned = timetable(searches, usable=90)
    assert planned == sorted(planned)
    in_the_day = [position for share, position in planned if 0 <= share < 1]
    assert len(in_the_day) == 90
    for position, n in enumerate(searches):
        assert in_the_day.count(position) in (math.floor(n), math.ceil(n))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--keywords", "0"], "argument --keywords: '0' is not a whole number from 1 to 1000."),
        (["--videos", "many"], "argument --videos: 'many' is not a whole number from 1 to 100000."),
        (["--keywords", "51"], "--keywords can be at most 50 for each key."),
        (["--chart", "delays.gif"], "argument --chart: delays.gif is neither a .png nor a .svg."),
        (["--colour", "red"], "unrecognized arguments: --colour red."),
    ],
)
def test_invalid_options_print_one_sentence(options: list[str], sentence: str) -> None:
    finished = run(*options)
    assert (finished.returncode, finished.stdout, finished.stderr) == (2, "", f"bin/bench quota: {sentence}\n")
