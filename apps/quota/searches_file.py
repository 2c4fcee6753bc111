"""Today's searches, counted a second time in a file next to the database: a restored database knows fewer.

Each machine has its own file, `searches.json` in STATE_DIR: {"day": "2026-11-26", "used": {"a project": 41}}. The
numbers are the ledger's, as of the last search that this machine made. They are there a second time by the fingerprint
of the key that was used, whose project may have had another name before. A file that cannot be read counts as missing.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

_MOST = 2**31 - 1  # what a database can store


def read(day: date) -> dict[str, int] | None:
    """Return the searches on `day` of each project, by its name and by those of its keys that were used, as far as the
    file knows; None if that is unknown."""
    try:
        with _path().open(errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return _used(file.read(), day)
    except OSError:
        return None


def note(names: Iterable[str], day: date, used: int) -> None:
    """Write under each of `names` that the project has used `used` searches on `day`, unless the file says more.

    A file that cannot be written is logged: it must not prevent a search.
    """
    try:
        with open(os.open(_path(), os.O_RDWR | os.O_CREAT, 0o600), "r+", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            counts = _used(file.read(), day) or {}
            counts |= {name: max(used, counts.get(name, 0)) for name in names}
            # Truncated last: on a full disk the old numbers stay.
            file.seek(0)
            json.dump({"day": str(day), "used": counts}, file)
            file.truncate()
    except OSError as error:
        logger.warning("%s cannot be written: %s", _path(), error.strerror)


def _path() -> Path:
    folder: Path = settings.STATE_DIR
    return folder / ("demo.searches.json" if settings.DEMO else "searches.json")


def _used(text: str, day: date) -> dict[str, int] | None:
    """Return the numbers of `day`; None if the file is damaged, which is logged."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
        content = json.loads(text)
        used = dict(content["used"].items())
        if all(type(number) is int and 0 <= number <= _MOST for number in used.values()):
            return used if content["day"] == str(day) else {}
    if text:
        logger.warning("%s is damaged and counts as missing", _path())
    return None
