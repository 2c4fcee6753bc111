"""Bring the database, the static files and the first account to what this version needs; safe to repeat."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError


def prepare() -> None:
    """Migrate, collect static files, and make the first account where DJANGO_SUPERUSER_* describe one."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)

    from django.contrib.auth import get_user_model

    if os.environ.get("DJANGO_SUPERUSER_USERNAME") and not get_user_model().objects.exists():
        call_command("createsuperuser", interactive=False, verbosity=0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        prepare()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"windhover: {error}\n")
        sys.exit(2)
    except (DatabaseError, CommandError, OSError) as error:
        sys.exit(f"windhover: could not be prepared: {error}")
