"""bin/bench pages: it opens every page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(180)
def test_it_works(tmp_path: Path) -> None:
    options = ["--videos", "300", "--keywords", "30", "--rounds", "1", "--json"]
    command = [sys.executable, "-m", "benchmarks.pages", *options]
    environment = os.environ | {"STATE_DIR": str(tmp_path)}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)
    assert results["home"]["queries"] in range(3, 20)
    assert results["home"]["unchanged_bytes"] == 0
    assert results["keyword"]["gzip_kb"] < results["keyword"]["kb"]
