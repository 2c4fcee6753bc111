from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.videos.fetching.fetch import fetch_keyword
from apps.videos.models import KeyWordEntry, VideoLog
from core.redaction import escape_controls


class Command(BaseCommand):
    help = "Fetch a watched keyword now, in this process, and show the result."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("keyword")

    def handle(self, *args: Any, **options: Any) -> None:
        entry = KeyWordEntry.objects.find(options["keyword"])
        if entry is None:
            raise CommandError(f"{options['keyword']!r} is not being watched. Add it with: manage.py watch KEYWORD")
        log = fetch_keyword(entry, VideoLog.Trigger.MANUAL)
        if log is None:
            raise CommandError(f"{entry.keyword} is already being fetched.")
        self.stdout.write(escape_controls(log.message))
        if log.status == VideoLog.Status.FAILED:
            raise CommandError("The fetch failed.")
