"""Today's searches, counted a second time in a file next to the database: a restored database knows fewer.

Each machine has its own file, `searches.json` in STATE_DIR: {"day": "2026-11-26", "used": {"a project": 41}}. The
numbers are the ledger's, as of the last search that this machine made.
"""

import fcntl
import json
import logging
from datetime import date
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

# More searches than any project has in a day; the database holds no more than 2**31 - 1.
MAX_USED = 1_000_000_000


def read(day: date) -> dict[str, int] | None:
    """Return the searches that each project has used on `day`, as far as the file knows; None if there is no file."""
    try:
        text = _path().read_text(errors="replace")
    except OSError:
        return None
    return _used(text, day)


def note(project: str, day: date, used: int) -> None:
    """Write that the project has used `used` searches on `day`, unless the file says more.

    A file that cannot be written is logged: it must not prevent a search.
    """
    try:
        with _path().open("a+", errors="replace") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            counts = _used(file.read(), day)
            counts[project] = max(used, counts.get(project, 0))
            file.truncate(0)
            json.dump({"day": str(day), "used": counts}, file)
    except OSError as error:
        logger.warning("%s cannot be written: %s", _path(), error.strerror)


def _path() -> Path:
    folder: Path = settings.STATE_DIR
    return folder / ("demo.searches.json" if settings.DEMO else "searches.json")


def _used(text: str, day: date) -> dict[str, int]:
    """Return the plausible numbers of `day`; others are logged, and the next search writes the file again."""
    try:
        content = json.loads(text or "{}")
    except (ValueError, RecursionError):
        content = None
    used = content.get("used", {}) if isinstance(content, dict) else None
    if not isinstance(used, dict):
        logger.warning("%s is damaged and ignored", _path())
        return {}
    if content.get("day") != str(day):
        return {}
    counts = {project: number for project, number in used.items() if _is_plausible(number)}
    for project in used.keys() - counts:
        logger.warning("%s: the number of %s is not plausible and ignored", _path(), project)
    return counts


def _is_plausible(number: object) -> bool:
    """Return whether `number` is a number of searches that the ledger can hold."""
    return type(number) is int and 0 <= number <= MAX_USED
