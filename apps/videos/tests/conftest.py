from typing import Any

import pytest


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would have gone to the broker: the task's name, its arguments and keyword arguments."""
    messages: list[tuple[Any, ...]] = []

    def take(self: Any, args: Any = (), kwargs: Any = None, **options: Any) -> None:
        messages.append((self.name.rpartition(".")[2], tuple(args), kwargs or {}))

    monkeypatch.setattr("celery.app.task.Task.apply_async", take)
    return messages
