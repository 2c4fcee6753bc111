"""The tests of the apps pass on PostgreSQL, too."""

import os
import subprocess
import sys

import pytest

from tests.running import BASE_DIR

# One uses PostgreSQL anyway; simulated days test the same rules, and take long; the others need no database.
ELSEWHERE = [
    "apps/quota/tests/test_race.py",
    "apps/videos/tests/test_three_days.py",
    "apps/videos/tests/test_planned_day.py",
    "apps/videos/tests/test_rough_sources.py",
    "apps/videos/tests/test_gap_intervals.py",
    "apps/videos/tests/test_allocation.py",
]


@pytest.mark.timeout(600)
def test_the_apps_pass_their_tests_there_too(postgres: str) -> None:
    again = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "apps/videos",
            "apps/quota",
            "apps/incidents",
            *(f"--ignore={file}" for file in ELSEWHERE),
        ],
        cwd=BASE_DIR,
        env=os.environ | {"TEST_DATABASE_URL": postgres},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert again.returncode == 0, again.stdout[-8000:]
