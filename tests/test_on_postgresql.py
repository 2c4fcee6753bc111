"""The tests of the apps pass on PostgreSQL, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import BASE_DIR

# The first use PostgreSQL anyway; the others need no database. Simulated days test the same rules, and take long.
ELSEWHERE = {
    "test_race.py",
    "test_races.py",
    "test_two_writers.py",
    "test_locked_database.py",
    "test_big_delete.py",
    "test_rough_sources.py",
    "test_gap_intervals.py",
    "test_allocation.py",
}
FILES = sorted(
    str(file)
    for app in ("incidents", "quota", "videos")
    for file in Path(BASE_DIR, "apps", app, "tests").glob("test_*.py")
    if file.name not in ELSEWHERE
)
# Tests that run at the same time.
PORTIONS = 4


@pytest.mark.timeout(600)
@pytest.mark.parametrize("portion", range(PORTIONS))
def test_the_apps_pass_their_tests_there_too(postgres: str, portion: int) -> None:
    again = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not days", *FILES[portion::PORTIONS]],
        cwd=BASE_DIR,
        env=os.environ | {"TEST_DATABASE_URL": postgres},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert again.returncode == 0, again.stdout[-8000:]
