from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.quota import troubles
from core.notify import notify


class Command(BaseCommand):
    help = "Tell the admin of what is not yet told; with --test send a message to see whether it arrives."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--test", action="store_true", help="send a test message to NOTIFY_URLS")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.NOTIFY_URLS:
            raise CommandError("NOTIFY_URLS is empty: there is nobody to tell.")
        if not options["test"]:
            troubles.tell()
        elif not notify(settings.NOTIFY_URLS, "Windhover: a test", "Windhover can reach you here."):
            raise CommandError("Not every address of NOTIFY_URLS took the message.")
        else:
            self.stdout.write("Every address of NOTIFY_URLS took the message.")
