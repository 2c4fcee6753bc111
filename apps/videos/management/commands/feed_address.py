from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from apps.videos.models import FeedToken


class Command(BaseCommand):
    help = "Show the private address of an account's feed, which feed readers can read without signing in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        changes = parser.add_mutually_exclusive_group()
        changes.add_argument("--new", action="store_true", help="revoke the old address and make a new one")
        changes.add_argument("--revoke", action="store_true", help="revoke the address, and make none")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        try:
            user = users.objects.get_by_natural_key(options["username"])
        except users.DoesNotExist:
            raise CommandError(f"There is no account {options['username']!r}.") from None
        if options["revoke"]:
            FeedToken.objects.filter(user=user).delete()
            self.stdout.write("Revoked.")
            return
        token = None if options["new"] else FeedToken.objects.filter(user=user).first()
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        root = settings.PUBLIC_URL.rstrip("/") or f"http://{host}:{settings.PORT}"
        path = reverse("private-video-feed", args=[(token or FeedToken.renew(user)).text])
        self.stdout.write(f"{root}{path}/")
        self.stdout.write("For the feed of a keyword, replace videos/ by keywords/ID/. Filters can be added.")
