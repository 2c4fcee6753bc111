from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.backups import Refused
from config.backups.moving import move_to_postgresql


class Command(BaseCommand):
    help = "Copy everything from SQLite to an empty PostgreSQL database. Windhover must not run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", help="postgres://user:password@host/name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checksums = move_to_postgresql(options["url"], self.stdout.write)
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Both databases have the same rows. Rows and checksum of each table:")
        for name, checksum in sorted(checksums.items()):
            if checksum.rows:
                self.stdout.write(f"{checksum.rows:>12,}  {checksum}  {name}")
        # Not the address itself, which may contain a password.
        self.stdout.write("Set DATABASE_URL in .env to the address that you gave, and start Windhover.")
