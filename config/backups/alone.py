"""Being the only one who uses the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection

from config.backups import Refused
from config.instance import only_instance
from config.state import make_state_folder


@contextmanager
def alone(command: str) -> Iterator[None]:
    """Run the block while no other process uses the database. Raises Refused or CannotStart if one does.

    bin/run is refused as long as the block runs, and so is each other program if the database is SQLite.
    """
    make_state_folder(settings.STATE_DIR)
    with only_instance(settings, f"manage.py {command}"):
        if connection.vendor == "sqlite":
            with _only_connection():
                yield
        else:
            _check_connections()
            yield


@contextmanager
def _only_connection() -> Iterator[None]:
    """Lock the file as long as the connection is open. SQLite locks it only if no one else has it open."""
    options = connection.settings_dict["OPTIONS"]
    usual = dict(options)
    options["init_command"] = f"PRAGMA locking_mode = EXCLUSIVE; {usual.get('init_command', '')}"
    options["timeout"] = 2
    connection.close()
    try:
        # Before the block: what fails inside of it is something else.
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sqlite_master")
    except OperationalError as error:
        connection.close()
        _replace(options, usual)
        if "locked" not in str(error):
            raise
        raise Refused("Another program uses the database. Stop Windhover and all its commands first.") from error
    try:
        yield
    finally:
        connection.close()
        _replace(options, usual)


def _replace(options: dict[str, object], usual: dict[str, object]) -> None:
    options.clear()
    options.update(usual)


def _check_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        (others,) = cursor.fetchone()
    if others:
        raise Refused(f"{others} other connections use the database. Stop Windhover on all machines first.")
