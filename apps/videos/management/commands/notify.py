import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.incidents import notify
from apps.videos import notifications
from apps.videos.models import KeyWordEntry


class Command(BaseCommand):
    help = "Send pending notifications. --test sends a test message instead; --check only checks NOTIFY_URLS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--test", action="store_true", help="send a test message to NOTIFY_URLS")
        parser.add_argument("--keyword", help="with --test: send it where new videos for this keyword are notified")
        parser.add_argument("--check", action="store_true", help="check the addresses in NOTIFY_URLS")
        parser.add_argument("--webhook-secret", action="store_true", help="print what webhooks are signed with")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            notify.check()
        elif options["webhook_secret"]:
            self.stdout.write(settings.WEBHOOK_SECRET)
        elif options["keyword"]:
            self._test(options["keyword"])
        elif not options["test"]:
            notify.notify_pending()
            for subject in notifications.due_subjects():
                notifications.send_to(subject, time.monotonic() + 60)
        elif not settings.NOTIFY_URLS:
            raise CommandError("NOTIFY_URLS is empty: there is no address to notify.")
        elif not all(notify.send("Windhover: test message", "Notifications from Windhover work.") or [False]):
            raise CommandError("Not every address of NOTIFY_URLS accepted the message.")
        else:
            self.stdout.write("Every address of NOTIFY_URLS accepted the message.")

    def _test(self, keyword: str) -> None:
        if (entry := KeyWordEntry.objects.find(keyword)) is None:
            raise CommandError(f"{keyword!r} is not being watched. Add it with: manage.py watch KEYWORD")
        accepted = notifications.send_test(entry)
        for name, is_accepted in accepted.items():
            self.stdout.write(f"{name} {'accepted' if is_accepted else 'did not accept'} the message.")
        if not accepted or not all(accepted.values()):
            raise CommandError("Not every address accepted the message." if accepted else "There is no address.")
