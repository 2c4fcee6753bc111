from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.videos.fetching import pruning


class Command(BaseCommand):
    help = "Delete the videos and fetch logs that KEEP_VIDEOS and KEEP_LOGS do not keep; a task does so every hour."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say how many would be deleted")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            unassigned = pruning.prunable_videos().filter(keyword=None).count()
            videos, logs = pruning.prunable_videos().count(), pruning.prunable_logs().count()
        else:
            unassigned = 0
            videos, logs = pruning.prune_videos(), pruning.prune_logs()
        done = "would be deleted" if options["dry_run"] else "deleted"
        about_none = f", {unassigned:,} of them about no keyword" if unassigned else ""
        self.stdout.write(f"{videos:,} videos {done}{about_none} (KEEP_VIDEOS={_days(settings.KEEP_VIDEOS)}).")
        self.stdout.write(f"{logs:,} fetch logs {done} (KEEP_LOGS={_days(settings.KEEP_LOGS)}).")


def _days(days: int | None) -> str:
    return str(days) if days else "forever"
