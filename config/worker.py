"""The worker: Celery's, without its command line, which would load a terminal with completion and colors."""

import sys

from django.conf import settings

from config import celery_app


def main() -> None:
    worker = celery_app.Worker(
        concurrency=settings.WORKER_PROCESSES, loglevel="INFO", quiet=True, without_gossip=True, without_mingle=True
    )
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
