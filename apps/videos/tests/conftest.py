import pytest


@pytest.fixture(autouse=True)
def nothing_is_sent(sent: list[tuple]) -> None:
    """No broker: messages are kept, for the test to look at."""
