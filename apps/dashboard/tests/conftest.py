import pytest


@pytest.fixture(autouse=True)
def nothing_is_sent(sent: list[tuple]) -> None:
    """Keep messages instead of sending them to a broker."""
