"""The worker: Celery's, without its command line, which would load a terminal with completion and colors."""

import sys
from typing import Any

from django.conf import settings
from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLost

from config import celery_app


class Channel(redis.Channel):
    """A channel that survives the loss of the broker during a task.

    Celery then closes the connection twice, and acknowledges the task on the closed one. Each needs the parameters of
    the connection, which is gone: an AttributeError, at which the worker would exit.
    """

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection.client is None:
            raise ConnectionLost("the connection to the broker was closed")
        return dict(super()._connparams(asynchronous))  # type: ignore[no-untyped-call]


def main() -> None:
    redis.Transport.Channel = Channel
    worker = celery_app.Worker(
        concurrency=settings.WORKER_PROCESSES, loglevel="INFO", quiet=True, without_gossip=True, without_mingle=True
    )
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
