from typing import Any

from django.core.management.base import BaseCommand

from apps.videos import schedules
from apps.videos.models import KeyWordEntry


class Command(BaseCommand):
    help = "Plan all intervals anew and rebuild beat's rows from the keywords."

    def handle(self, *args: Any, **options: Any) -> None:
        schedules.sync()
        if options["verbosity"]:
            self.stdout.write(f"{KeyWordEntry.objects.scheduled().count()} keyword(s) are scheduled.")
