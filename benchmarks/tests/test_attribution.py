"""bin/bench attribution: what it measures, and that many keywords cost little more than looking for their words."""

import json
import subprocess
import sys
from pathlib import Path

from tests.running import clean_environment


def test_it_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.attribution", "--videos", "400", "--json"]
    finished = subprocess.run(command, capture_output=True, text=True, env=clean_environment(tmp_path, {}))
    assert (finished.stderr, finished.returncode) == ("", 0)
    results = json.loads(finished.stdout)
    assert results["matches"] > 100
    assert results["ours"] < results["one_by_one"] / 4
    assert results["ours"] < 5 * results["floor"]
