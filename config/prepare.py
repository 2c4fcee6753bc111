"""Bring the database, the static files and the first account to what this version needs; safe to repeat."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from config import environment as env


def prepare() -> None:
    """Migrate, collect static files, plan with the keys there are now, and make the first account where
    DJANGO_SUPERUSER_* describe one."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("sync_schedules", verbosity=0)

    make_first_account(env.text("DJANGO_SUPERUSER_USERNAME"), env.text("DJANGO_SUPERUSER_PASSWORD"))


def make_first_account(username: str, password: str) -> None:
    """Make an account that may do everything, unless there is one already or a name or password is missing."""
    from django.contrib.auth.models import User

    if username and password and not User.objects.exists():
        User.objects.create_superuser(username, password=password)


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
