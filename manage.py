#!/usr/bin/env python
"""Run Django's commands for Windhover."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    from config.state import differing_settings

    try:
        if differing := differing_settings(settings):
            # It would write to another database, or ask other sources, than what runs.
            sys.exit(f"windhover: {', '.join(differing)} differ from what runs here; set the same, best in .env.")
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong variable deserves its one sentence, not a page of traceback.
        sys.exit(f"windhover: {error}")
    except DatabaseError as error:
        if "no such table" in str(error) or "does not exist" in str(error):
            sys.exit("windhover: the database has no tables yet; bin/run, or manage.py migrate, makes them.")
        raise


if __name__ == "__main__":
    main()
