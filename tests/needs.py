"""Things a test needs which not every machine has."""

import os
import shutil
from glob import glob
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test because `what` is missing, or fail it with REQUIRE_ALL=1."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is missing, and REQUIRE_ALL=1", pytrace=False)
    pytest.skip(f"{what} is missing")


def postgres_program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; Debian keeps the server's out of PATH."""
    return (
        shutil.which(name)
        or next(iter(sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"))), None)
        or missing("PostgreSQL")
    )
