"""Celery Beat, without Celery's command line, which would load a terminal with completion and colors."""

from config import celery_app


def main() -> None:
    celery_app.Beat(loglevel="INFO", quiet=True).run()


if __name__ == "__main__":
    main()
