"""A backup: one ZIP file with the rows of each table as lines of JSON, and a manifest of what must be in it."""

import json
import os
import re
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from lzma import LZMAError
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from django.conf import settings
from django.db import connection

from config.backups import Refused
from config.backups.tables import Applied, Checksum, Row, Table, Tables, applied_migrations, encode, snapshot

FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_SECRET_KEY: Final = "secret_key"  # noqa: S105  # the name of a file

# Bytes of a row, or of another file in the archive: far more than any has.
_LONGEST: Final = 2**24


def make_backup(place: Path, report: Callable[[str], None], *, with_secret_key: bool = False) -> Path:
    """Write a backup to the file `place`, or to a new file in the folder `place`, and return its path.

    The file appears when it is complete, and only this user may read it. Other processes may go on writing to the
    database meanwhile. Raises Refused if the file exists, and OSError.
    """
    now = datetime.now(UTC)
    file = place / f"{_prefix()}-{now:%Y-%m-%dT%H%M%SZ}.zip" if place.is_dir() else place
    if file.exists():
        raise Refused(f"{file} exists already.")
    if not file.suffix:
        raise Refused(f"{file} is no folder. Create it first, or name a file such as {file}.zip.")
    part = file.with_name(f"{file.name}.part")
    try:
        with (
            open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output,
            ZipFile(output, "w", ZIP_DEFLATED) as archive,
            snapshot(connection),
        ):
            os.fchmod(output.fileno(), 0o600)
            applied = applied_migrations(connection)
            if not applied:
                raise Refused("The database has no tables yet.")
            tables = {table.name: _write_table(archive, table, report) for table in Tables(applied)}
            if with_secret_key:
                archive.writestr(_SECRET_KEY, settings.SECRET_KEY)
            manifest = {
                "format": FORMAT,
                "created_at": now.isoformat(timespec="seconds"),
                "windhover": settings.VERSION,
                "commit": _commit(),
                "database": connection.vendor,
                "demo": settings.DEMO,
                "migrations": sorted(applied),
                "tables": tables,
            }
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return file


def remove_older(folder: Path, keep: int) -> list[Path]:
    """Remove all backups in `folder` but the newest `keep`, by their names as make_backup() chooses them."""
    name = re.compile(rf"{_prefix()}-\d{{4}}-\d\d-\d\dT\d{{6}}Z\.zip")
    backups = sorted(file for file in folder.iterdir() if name.fullmatch(file.name))
    older = backups[:-keep]
    for file in older:
        file.unlink()
    return older


class Backup:
    """A backup that is read."""

    def __init__(self, archive: ZipFile, manifest: dict[str, Any]) -> None:
        self._archive = archive
        self.created_at = str(manifest["created_at"])
        self.version = str(manifest["windhover"])
        self.demo = bool(manifest["demo"])
        self.applied: Applied = {(app, name) for app, name in manifest["migrations"]}
        self._tables: dict[str, dict[str, Any]] = dict(manifest["tables"])

    def check(self, tables: Tables) -> None:
        """Raise Refused unless the file is undamaged, and its tables are those of its migrations."""
        with _damage_is_refused():
            columns = {name: described["columns"] for name, described in self._tables.items()}
            if columns != {table.name: table.columns for table in tables}:
                raise ValueError("its tables are not those of its migrations")
            for name, described in self._tables.items():
                found = Checksum()
                for line in self._lines(name):
                    found.add(line)
                if found != Checksum(described["rows"], int(described["checksum"], 16)):
                    raise ValueError(f"the rows of {name} are not those that were written")

    def rows(self, table: Table) -> Iterator[Row]:
        return map(table.decode, self._lines(table.name))

    def _lines(self, name: str) -> Iterator[bytes]:
        with self._archive.open(f"{name}.jsonl") as lines:
            while line := lines.readline(_LONGEST):
                if len(line) >= _LONGEST:
                    raise ValueError(f"a row of {name} is too long")
                yield line.rstrip(b"\n")

    def secret_key(self) -> str | None:
        with suppress(KeyError):
            return _read(self._archive, _SECRET_KEY).decode()
        return None


@contextmanager
def open_backup(file: Path) -> Iterator[Backup]:
    """Open a backup. Raises Refused if it is damaged or none, or of a newer version's format."""
    if file.exists() and not file.is_file():
        raise Refused(f"{file} is not a file.")  # and reading it might never end
    with _damage_is_refused():
        archive = ZipFile(file)
        manifest = json.loads(_read(archive, _MANIFEST))
        if manifest["format"] > FORMAT:
            raise Refused("This backup is of a newer version of Windhover.")
        backup = Backup(archive, manifest)
    with archive:
        yield backup


def _read(archive: ZipFile, name: str) -> bytes:
    """Return a small file of the archive: a kilobyte may expand to a gigabyte."""
    if archive.getinfo(name).file_size > _LONGEST:
        raise ValueError(f"{name} is too large")
    return archive.read(name)


def _write_table(archive: ZipFile, table: Table, report: Callable[[str], None]) -> dict[str, Any]:
    checksum = Checksum()
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as member:
        for row in table.read("default"):
            line = encode(row)
            checksum.add(line)
            member.write(line + b"\n")
    if checksum.rows:
        report(f"{table.name}: {checksum.rows:,} rows")
    return {"columns": table.columns, "rows": checksum.rows, "checksum": str(checksum)}


# What reading a damaged archive, or one with other content, raises; RuntimeError if it seems to be encrypted, or of a
# kind that Python cannot read.
_DAMAGE: Final = (
    BadZipFile,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    OverflowError,
    LZMAError,
    struct.error,
    zlib.error,
)


@contextmanager
def _damage_is_refused() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise Refused(f"This file is damaged, or not a backup of Windhover ({error}).") from error


def _prefix() -> str:
    return "demo" if settings.DEMO else "windhover"


def _commit() -> str | None:
    """Return the commit that runs, if this is a clone."""
    if not (settings.BASE_DIR / ".git").exists():
        return None
    with suppress(OSError):
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
        )
        return found.stdout.strip() or None
    return None
