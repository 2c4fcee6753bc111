#!/usr/bin/env python
"""Run Django's commands for Windhover."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong variable deserves its one sentence, not a page of traceback.
        sys.exit(f"windhover: {error}")


if __name__ == "__main__":
    main()
