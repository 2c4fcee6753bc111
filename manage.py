#!/usr/bin/env python
"""Run Django's management commands."""

import os
import sys

# They also work with the database of another version. All others might write to it.
HARMLESS = ("--help", "--version", "check", "collectstatic", "dbshell", "diffsettings", "doctor", "dumpdata",
            "help", "makemigrations", "restore", "showmigrations", "spectacular", "version")  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    from config.database_version import check_database
    from config.instance import differing_settings
    from config.state import CannotStart
    from config.terminal import not_text, write_any_text

    write_any_text()
    try:
        if differing := differing_settings(settings):
            # The command would use another database, broker or source.
            verb = "differs" if len(differing) == 1 else "differ"
            advice = "Use the same environment variables, or set them in .env."
            sys.exit(f"windhover: {', '.join(differing)} {verb} from the running instance. {advice}")
        if len(sys.argv) > 1 and sys.argv[1] not in HARMLESS:
            django.setup()
            check_database()
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, CannotStart) as error:
        # One sentence that names the variable, without a traceback.
        sys.exit(f"windhover: {error}")
    except UnicodeEncodeError:
        # In the path of a file they are no error.
        if odd := next(filter(not_text, sys.argv), None):
            sys.exit(f"windhover: {odd!a} is not text in UTF-8.")
        raise
    except DatabaseError as error:
        if "no such table" in str(error) or "does not exist" in str(error):
            sys.exit("windhover: the database has no tables yet: start bin/run, or run manage.py migrate.")
        raise


if __name__ == "__main__":
    main()
