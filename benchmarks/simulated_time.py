"""Days that pass as fast as their work is done: the clock is moved, and tasks are run when they are sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest import mock

import time_machine
from celery import Task, current_app

# A message to the broker: a task's name, its arguments and keyword arguments.
Message = tuple[str, Sequence[Any], dict[str, Any]]


class SimulatedTime:
    """The time of this process, and the messages that were sent and not processed yet."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.messages: list[Message] = []
        self._traveller = traveller

    def move_to(self, moment: datetime) -> None:
        self._traveller.move_to(moment)

    def carry_out(self) -> None:
        """Run the tasks that were sent, as a worker would, and those they send."""
        while self.messages:
            task, arguments, named = self.messages.pop(0)
            current_app.tasks[task](*arguments, **named)


@contextmanager
def simulated_time(start: datetime) -> Iterator[SimulatedTime]:
    """Stop this process's clock at `start`. time.sleep() returns at once, and no broker is needed."""
    with time_machine.travel(start, tick=False) as traveller:
        time = SimulatedTime(traveller)

        def keep(task: Task, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None, **options: Any) -> None:
            time.messages.append((task.name, args, kwargs or {}))

        with (
            mock.patch("time.sleep"),
            mock.patch.object(Task, "apply_async", keep),
            mock.patch("apps.videos.tasks.queue_is_full", return_value=False),
        ):
            yield time
