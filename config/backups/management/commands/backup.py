from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from config.backups import Refused, print_nothing
from config.backups.archive import make_backup, remove_older


class Command(BaseCommand):
    help = "Write a backup of the database to a file; Windhover may run meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="a new file, or a folder (default: STATE_DIR/backups)")
        parser.add_argument("--keep", type=int, metavar="N", help="then remove all but the newest N in that folder")
        parser.add_argument("--with-secret-key", action="store_true", help="also store the secret key")

    def handle(self, *args: Any, **options: Any) -> None:
        place, keep = options["file"], options["keep"]
        if place is None:
            place = settings.STATE_DIR / "backups"
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if keep is not None and (keep < 1 or not place.is_dir()):
            raise CommandError("--keep needs a number from 1, and a folder or no file.")
        report = self.stdout.write if options["verbosity"] > 1 else print_nothing
        try:
            file = make_backup(place, report, with_secret_key=options["with_secret_key"])
            older = remove_older(place, keep) if keep else []
        except (Refused, OSError) as error:
            raise CommandError(str(error)) from error
        if options["verbosity"]:
            removed = f"; {len(older)} older removed" if older else ""
            self.stdout.write(f"{file} ({_size(file)}){removed}")


def _size(file: Path) -> str:
    return filesizeformat(file.stat().st_size).replace("\xa0", " ")
