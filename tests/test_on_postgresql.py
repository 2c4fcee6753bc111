"""All tests that use Django's database pass on PostgreSQL, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import BASE_DIR

FILES = sorted(str(file) for rooms in ("apps/*", "config") for file in BASE_DIR.glob(f"{rooms}/tests/test_*.py"))
PORTIONS = 2


@pytest.mark.timeout(900)
def test_they_pass_there_too(postgres: str, tmp_path: Path) -> None:
    """Repeat the tests that conftest.py leaves, without simulated days: those test the same rules, and take long.

    In two processes, since this test takes longest, and in the same order each time.
    """
    outputs = [tmp_path / f"{portion}.txt" for portion in range(PORTIONS)]
    running = []
    for portion, output in enumerate(outputs):
        with output.open("w") as stdout:
            again = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-m", "not days", *FILES[portion::PORTIONS]],
                cwd=BASE_DIR,
                env=os.environ | {"TEST_DATABASE_URL": f"{postgres}{portion}"},
                stdout=stdout,
                stderr=subprocess.STDOUT,
            )
        running.append(again)
    codes = [again.wait() for again in running]
    assert not any(codes), "\n".join(output.read_text()[-8000:] for output in outputs)
