"""For all tests: a browser, PostgreSQL, and the same examples of hypothesis every time."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg
import pytest

from benchmarks.cluster import PostgreSQLMissing, running_cluster
from tests.needs import missing

hypothesis.settings.register_profile("same every time", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("same every time")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start with the tests that have the longest time limits, the slowest: others run while they wait.

    With TEST_DATABASE_URL, leave only the tests that use that database.
    """
    items.sort(key=time_limit, reverse=True)
    if "TEST_DATABASE_URL" in os.environ:
        others = [item for item in items if not uses_test_database(item)]
        items[:] = [item for item in items if uses_test_database(item)]
        config.hook.pytest_deselected(items=others)


def time_limit(item: pytest.Item) -> int:
    """Return the test's own time limit in seconds, 0 if it has none."""
    marker = item.get_closest_marker("timeout")
    return marker.args[0] if marker else 0


def uses_test_database(item: pytest.Item) -> bool:
    """Return whether the test uses Django's database, and what it tests may depend on the server.

    Tests that race have a database of their own on each server. What a browser shows is the same with each.
    """
    fixtures: list[str] = getattr(item, "fixturenames", [])
    is_used = item.get_closest_marker("django_db") is not None or "db" in fixtures
    return is_used and not {"database", "browser"} & set(fixtures)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium: the system's, or the one Playwright has installed."""
    from playwright.sync_api import Error, sync_playwright

    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
                # Run as root in a container, and without connections of its own.
                args=[
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--disable-quic",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    "--no-first-run",
                ],
            )
        except Error:
            missing("Chromium")
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """The DATABASE_URL of a PostgreSQL cluster that exists while the tests run.

    Not by pytest-postgresql, which cannot start a server when the tests run as root.
    """
    try:
        with running_cluster() as cluster:
            yield cluster.url
    except PostgreSQLMissing:
        missing("PostgreSQL")


@pytest.fixture
def postgres(postgres_cluster: str) -> Iterator[str]:
    """The DATABASE_URL of an empty PostgreSQL database."""
    with psycopg.connect(postgres_cluster, autocommit=True) as cluster:
        cluster.execute("CREATE DATABASE windhover")
    yield f"{postgres_cluster.rpartition('/')[0]}/windhover"
    with psycopg.connect(postgres_cluster, autocommit=True) as cluster:
        cluster.execute("DROP DATABASE windhover WITH (FORCE)")
