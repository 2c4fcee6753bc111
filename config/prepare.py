"""Prepare the database, static files and first account for this version; safe to repeat."""

import os
import sys
from hashlib import sha256
from importlib.metadata import version

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from config import environment as env
from config.database_version import check_database
from config.pooling import check_pooling
from config.state import CannotStart

# The number of PostgreSQL's advisory lock; any that other programs in the same database do not use.
PREPARING = 0x77696E64


def prepare() -> None:
    """Migrate, collect static files, schedule with the current keys, and make the first account if
    DJANGO_SUPERUSER_* are set. Raise CannotStart if the database is of another version, or behind a pooler."""
    check_pooling()
    take_turns()
    check_database()
    call_command("notify", check=True)
    call_command("migrate", interactive=False, verbosity=0)
    collect_static_files()
    call_command("sync_schedules", verbosity=0)

    make_first_account(env.text("DJANGO_SUPERUSER_USERNAME"), env.text("DJANGO_SUPERUSER_PASSWORD"))


def take_turns() -> None:
    """Wait until no other machine prepares the same database: its migrations may have a million rows to change.

    PostgreSQL releases the lock when this process ends.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5min'")
            cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARING])


def collect_static_files() -> None:
    """Collect static files, unless that would change nothing: compressing them takes seconds of CPU time."""
    collected = settings.STATIC_ROOT / "collected.txt"
    if not collected.exists() or collected.read_text() != static_files_hash():
        call_command("collectstatic", interactive=False, verbosity=0)
        collected.write_text(static_files_hash())


def static_files_hash() -> str:
    """Return a hash of the state of all static files, of the collected ones, and of what decides how they differ."""
    found = [
        (path, (stat := os.stat(storage.path(path))).st_size, stat.st_mtime_ns)
        for finder in get_finders()
        for path, storage in finder.list([])
    ]
    collected = [
        (str(file.relative_to(settings.STATIC_ROOT)), file.stat().st_size)
        for file in settings.STATIC_ROOT.rglob("*")
        if file.is_file() and file.name != "collected.txt"
    ]
    decisive = (version("django"), version("whitenoise"), settings.STATIC_URL, settings.STORAGES["staticfiles"])
    return sha256(repr((decisive, sorted(found), sorted(collected))).encode()).hexdigest()


def make_first_account(username: str, password: str) -> None:
    """Make a superuser, unless any account exists or the name or password is empty."""
    from django.contrib.auth.models import User

    if username and password and not User.objects.exists():
        try:
            User._meta.get_field("username").clean(username, None)
        except ValidationError as error:
            raise CannotStart(f"DJANGO_SUPERUSER_USERNAME: {' '.join(error.messages)}") from error
        User.objects.create_superuser(username, password=password)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        prepare()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"windhover: {error}\n")
        sys.exit(2)
    except CannotStart as error:
        sys.exit(f"windhover: {error}")
    except (DatabaseError, CommandError, OSError) as error:
        sys.exit(f"windhover: preparation failed: {error}")
