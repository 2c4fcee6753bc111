from typing import Any

from django.core.management.base import BaseCommand

from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat


class Command(BaseCommand):
    help = "Plan all intervals and rebuild beat's rows from the keywords."

    def handle(self, *args: Any, **options: Any) -> None:
        beat.sync()
        if options["verbosity"]:
            self.stdout.write(f"{KeyWordEntry.objects.scheduled().count()} keyword(s) are scheduled.")
