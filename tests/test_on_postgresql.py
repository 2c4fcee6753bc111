"""All tests that use Django's database pass on PostgreSQL, too."""

import os
import subprocess
import sys

import pytest

from tests.running import BASE_DIR

FILES = sorted(str(file) for rooms in ("apps/*", "config") for file in BASE_DIR.glob(f"{rooms}/tests/test_*.py"))


@pytest.mark.timeout(900)
def test_they_pass_there_too(postgres: str) -> None:
    """Repeat the tests that conftest.py leaves, without simulated days: those test the same rules, and take long.

    In two processes, since this test takes longest and all others may have been done before.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    again = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-m", "not days", *FILES],
        cwd=BASE_DIR,
        env=environment | {"TEST_DATABASE_URL": postgres},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert again.returncode == 0, again.stdout[-8000:]
