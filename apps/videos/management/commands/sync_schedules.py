from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import pluralize

from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat


class Command(BaseCommand):
    help = "Plan all intervals and bring beat's rows in line with the keywords."

    def handle(self, *args: Any, **options: Any) -> None:
        beat.sync()
        if options["verbosity"]:
            count = KeyWordEntry.objects.scheduled().count()
            self.stdout.write(f"{count} keyword{pluralize(count)} scheduled.")
