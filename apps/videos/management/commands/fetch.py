from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.videos.fetching import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog


class Command(BaseCommand):
    help = "Fetch a watched keyword now, in this process, and tell what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("keyword")

    def handle(self, *args: Any, **options: Any) -> None:
        entry = KeyWordEntry.objects.find(options["keyword"])
        if entry is None:
            raise CommandError(f"Nobody watches {options['keyword']!r}; add it with: manage.py watch KEYWORD")
        log = fetch_keyword(entry, VideoLog.Trigger.MANUAL)
        if log is None:
            raise CommandError(f"{entry.keyword} is being fetched already.")
        self.stdout.write(log.message)
        if log.status == VideoLog.Status.FAILED:
            raise CommandError("The fetch failed.")
