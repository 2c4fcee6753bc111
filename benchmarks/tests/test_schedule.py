"""bin/bench schedule: it measures the fetches of a running Windhover."""

import json
import subprocess
import sys

import pytest


@pytest.mark.timeout(180)
def test_it_works() -> None:
    command = [sys.executable, "-m", "benchmarks.schedule", "--keywords", "8", "--seconds", "10", "--json"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)
    assert results["first"]["fetches"] == 8
    assert 0 <= results["first"]["median"] <= results["first"]["p95"] <= results["first"]["most"]
