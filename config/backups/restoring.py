"""Restore a backup: into a new SQLite file, which takes the place of the old one, or in a transaction of PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from config.backups import Refused, print_nothing
from config.backups.alone import alone
from config.backups.archive import Backup, make_backup, open_backup
from config.backups.tables import Tables, applied_migrations, drop_tables, holds_data
from config.database_version import newer_migrations

_NEW: Final = "restored"


def restore(file: Path, report: Callable[[str], None], *, replace: bool = False) -> None:
    """Replace the database by a backup, and bring it up to this version; with `replace` also one that holds data.

    Until all is written and verified, the database stays as it was. Raises Refused, CannotStart or OSError.
    """
    with open_backup(file) as backup:
        if newer := newer_migrations(backup.applied):
            names = ", ".join(".".join(name) for name in newer)
            raise Refused(f"The backup is of a newer version of Windhover ({backup.version}), with {names}.")
        if backup.demo != settings.DEMO:
            raise Refused(_OTHER_VIDEOS[backup.demo])
        tables = Tables(backup.applied)
        backup.check(tables)
        with alone("restore"):
            try:
                holds = holds_data(connection)
            except DatabaseError as error:
                raise Refused(
                    f"The present database cannot be read ({error}). If it is a file, move it away, with its -wal and "
                    "-shm, and restore into a new one."
                ) from error
            if holds and not replace:
                raise Refused("The database is not empty. With --replace it is kept elsewhere, and replaced.")
            into = _new_file if connection.vendor == "sqlite" else _emptied_database
            try:
                with into(report, keep=holds) as database:
                    tables.make(database)
                    tables.copy(database, backup.rows, report)
            except DatabaseError as error:
                raise Refused(f"The database does not accept the backup: {error}") from error
            _restore_secret_key(backup, report)
            # As a start does: later migrations, the index of full text search, keys, and today's searches.
            call_command("migrate", interactive=False, verbosity=0)
            call_command("sync_schedules", verbosity=0)


_OTHER_VIDEOS: Final = {
    True: "The backup is of the demo, whose videos are invented; here real ones are watched.",
    False: "The backup has real videos; this is the demo. Set YT_KEYS or INVIDIOUS_URL first.",
}


@contextmanager
def _new_file(report: Callable[[str], None], keep: bool) -> Iterator[str]:
    """Yield a database in a new file, which takes the place of the present one if the block succeeds."""
    present = Path(connection.settings_dict["NAME"])
    new = present.with_name(f"{present.name}.restoring")
    new.unlink(missing_ok=True)
    # No one else reads it until it is complete, so it needs no protection against power cuts. Django can make tables
    # in a transaction if foreign keys are not checked meanwhile; copy() checks them.
    pragmas = "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF"
    options = connection.settings_dict["OPTIONS"] | {"init_command": pragmas}
    connections.databases[_NEW] = connection.settings_dict | {"NAME": str(new), "OPTIONS": options}
    try:
        with transaction.atomic(_NEW):
            yield _NEW
        connections[_NEW].close()
        new.chmod(0o600)
        with new.open("rb") as written:
            os.fsync(written.fileno())
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if keep:
            kept = present.with_name(f"{present.stem}-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}-replaced{present.suffix}")
            os.link(present, kept)
            report(f"the database that was there is now {kept}")
        connection.close()  # it removes the log of the old file, which has the name that the new one's will have
        new.replace(present)
    finally:
        connections[_NEW].close()
        del connections[_NEW], connections.databases[_NEW]
        new.unlink(missing_ok=True)


@contextmanager
def _emptied_database(report: Callable[[str], None], keep: bool) -> Iterator[str]:
    """Yield the present database without its tables, which are there again if the block fails."""
    if newer_migrations(applied_migrations(connection)):
        raise Refused("The present database is of a newer version of Windhover. Restore into a new one.")
    if keep:
        folder = settings.STATE_DIR / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        report(f"the database that was there is now {make_backup(folder, print_nothing)}")
    with transaction.atomic():
        drop_tables(connection)
        yield "default"
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _restore_secret_key(backup: Backup, report: Callable[[str], None]) -> None:
    key = backup.secret_key()
    if key is None or key == settings.SECRET_KEY:
        return
    file = settings.STATE_DIR / "secret_key"
    if file.exists() and file.read_text() == settings.SECRET_KEY:
        file.write_text(key)
        file.chmod(0o600)
        report("the secret key is that of the backup")
    else:
        report("the backup has another secret key, which was not used: SECRET_KEY is set")
