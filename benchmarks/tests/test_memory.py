"""bin/bench memory: it measures each process of a running Windhover, and all together stay small."""

import json
import subprocess
import sys
from collections import Counter

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory processes share")
@pytest.mark.timeout(180)
def test_it_works() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.memory",
        "--keywords",
        "8",
        "--pages",
        "40",
        "--seconds",
        "2",
        "--json",
    ]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)
    parts = Counter(process["part"] for process in results["processes"])
    assert parts == {"supervisor": 1, "broker": 1, "web": 3, "worker": 4, "beat": 1}
    assert results["fetches"]["per_second"] > 0
    assert results["pages"]["per_second"] > 0
    # Executed one by one, they take more than 600 MB.
    assert 100 < results["pss_mb"] < 450
