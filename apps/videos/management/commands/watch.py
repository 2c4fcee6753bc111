from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from apps.videos.models import KeyWordEntry


class Command(BaseCommand):
    help = "Watch a keyword: fetch it now, and regularly from then on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("keyword")
        parser.add_argument("--interval", type=int, help="seconds between fetches (default: FETCH_INTERVAL)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings = {"interval": options["interval"]} if options["interval"] is not None else {}
            KeyWordEntry._meta.get_field("interval").clean(options["interval"], None)
            entry, is_new = KeyWordEntry.objects.watch(options["keyword"], **settings)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if is_new:
            self.stdout.write(f"Now watching “{entry.keyword}”.")
        else:
            self.stdout.write(f"“{entry.keyword}” already exists ({entry.get_state_display()}). Nothing was changed.")
