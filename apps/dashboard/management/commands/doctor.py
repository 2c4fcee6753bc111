"""What does not work, and what to do about it."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from apps.dashboard import doctor


class Command(BaseCommand):
    help = "Try each part and say what to do about what does not work; the exit code is 1 if anything fails."
    requires_system_checks = []  # it is one of those that are tried

    def handle(self, *args: Any, **options: Any) -> None:
        failed = False
        for finding in doctor.examine():
            self.stdout.write(f"{finding.level:4}  {finding.part:13}  {finding.text}")
            failed = failed or finding.level == "FAIL"
        if failed:
            sys.exit(1)
