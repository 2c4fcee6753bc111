"""bin/bench quota: what it measures, and the promise that it checks."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quota.strategies import best_searches

SEED = 1
QUOTA = 100


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "benchmarks.quota", *options], capture_output=True, text=True)


@pytest.mark.timeout(600)
def test_a_day_shows_what_is_promised(tmp_path: Path) -> None:
    """One test, since it takes minutes."""
    chart = tmp_path / "quota.svg"
    size = ("--keywords", "10", "--videos", "500", "--days", "1")
    finished = run("--seed", str(SEED), *size, "--json", "--chart", str(chart))
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    figures: dict[str, dict[str, Any]] = json.loads(finished.stdout)

    assert list(figures) == ["burst", "even", "single", "optimum", "windhover"]
    for strategy in figures.values():
        assert list(strategy) == ["searches", "found", "mean", "median", "p95", "missed"]
        assert 0 <= strategy["found"] <= 1
        assert 0 <= strategy["median"] <= strategy["p95"] <= 24 * 60
        assert 0 <= strategy["mean"] <= 24 * 60
        assert strategy["searches"] <= QUOTA
    assert figures["burst"]["searches"] == QUOTA
    assert figures["burst"]["mean"] > 5 * figures["single"]["mean"], "it finds yesterday's videos at each reset"
    assert figures["single"]["missed"] == 0
    assert figures["single"]["found"] > 0.9
    assert figures["single"]["mean"] <= 1.10 * figures["optimum"]["mean"]
    assert figures["windhover"]["found"] >= figures["single"]["found"]
    assert figures["windhover"]["mean"] <= figures["single"]["mean"] / 3
    assert "<svg" in chart.read_text()


def test_the_optimum_follows_the_square_root() -> None:
    searches = best_searches([1, 4, 9, 400], usable=16)
    assert sum(searches) == pytest.approx(16)
    # A page holds fifty videos, so the busiest needs more than its root.
    assert searches[3] == pytest.approx(400 / 30)
    assert [n / searches[0] for n in searches[:3]] == pytest.approx([1, 2, 3])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--keywords", "0"], "argument --keywords: '0' is not a whole number from 1 to 1000."),
        (["--videos", "many"], "argument --videos: 'many' is not a whole number from 1 to 100000."),
        (["--keywords", "101"], "--keywords can be at most 100 for each key."),
        (["--chart", "delays.gif"], "argument --chart: delays.gif is neither a .png nor a .svg."),
        (["--colour", "red"], "unrecognized arguments: --colour red."),
    ],
)
def test_invalid_options_print_one_sentence(options: list[str], sentence: str) -> None:
    finished = run(*options)
    assert (finished.returncode, finished.stdout, finished.stderr) == (2, "", f"bin/bench quota: {sentence}\n")
