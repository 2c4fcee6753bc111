from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.backups import Refused, print_nothing
from config.backups.restoring import restore


class Command(BaseCommand):
    help = "Restore a backup, into the database of DATABASE_URL. Windhover must not run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="also if the database is not empty: it is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        report = self.stdout.write if options["verbosity"] else print_nothing
        try:
            restore(options["file"], report, replace=options["replace"])
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from error
        report("Restored. Start Windhover.")
