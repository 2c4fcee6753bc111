"""All tests that use Django's database pass on PostgreSQL, too."""

import os
import subprocess
import sys

import pytest

from tests.running import BASE_DIR

FILES = sorted(str(file) for rooms in ("apps/*", "config") for file in BASE_DIR.glob(f"{rooms}/tests/test_*.py"))
# Each has its own time limit, and begins with some seconds for importing, collecting and migrating.
PORTIONS = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("portion", range(PORTIONS))
def test_they_pass_there_too(postgres: str, portion: int) -> None:
    """Repeat the tests that conftest.py leaves, without simulated days: those test the same rules, and take long."""
    again = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not days", *FILES[portion::PORTIONS]],
        cwd=BASE_DIR,
        env=os.environ | {"TEST_DATABASE_URL": postgres},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert again.returncode == 0, again.stdout[-8000:]
