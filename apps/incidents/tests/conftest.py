"""Frozen time."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from apps.incidents.tests.inbox import inbox

__all__ = ["inbox"]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time, frozen at NOW until the test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
