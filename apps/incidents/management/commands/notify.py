from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.incidents import notify


class Command(BaseCommand):
    help = "Send pending notifications. --test sends a test message instead; --check only checks NOTIFY_URLS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--test", action="store_true", help="send a test message to NOTIFY_URLS")
        parser.add_argument("--check", action="store_true", help="check the addresses in NOTIFY_URLS")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            notify.check()
            return
        if not settings.NOTIFY_URLS:
            raise CommandError("NOTIFY_URLS is empty: there is no address to notify.")
        if not options["test"]:
            notify.notify_pending()
            return
        accepted = notify.send("Windhover: test message", "Notifications from Windhover work.")
        if not accepted or not all(accepted):
            raise CommandError("Not every address of NOTIFY_URLS accepted the message.")
        self.stdout.write("Every address of NOTIFY_URLS accepted the message.")
