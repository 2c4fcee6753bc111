"""One running instance per state folder, and the settings that its processes share."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from config.state import CannotStart

# What decides which database, broker and sources a process uses.
SHARED_SETTINGS = (
    "PORT",
    "DATABASES",
    "CELERY_BROKER_URL",
    "YT_KEYS",
    "YOUTUBE_API_URL",
    "INVIDIOUS_URL",
    "YT_SEARCHES_PER_DAY",
    "YT_UNITS_PER_DAY",
    "FETCH_INTERVAL",
)


@contextmanager
def only_instance(settings: Any, address: str) -> Iterator[None]:
    """Lock the state folder, and describe this instance there. Raise CannotStart if another one is running."""
    folder: Path = settings.STATE_DIR
    try:
        # differing_settings() holds the lock for a moment.
        lock = FileLock(folder / "run.lock").acquire(timeout=1)
    except Timeout as error:
        running = _description(folder)
        where = f": process {running['pid']} at {running['address']}" if running else ""
        raise CannotStart(f"already running{where}.") from error
    with lock:
        description = {"pid": os.getpid(), "address": address, "settings": _hashes(settings)}
        (folder / "run.json").write_text(json.dumps(description))
        yield


def differing_settings(settings: Any) -> list[str]:
    """Return the names of the settings that differ from the running instance's; none if no instance is running."""
    folder: Path = settings.STATE_DIR
    try:
        with FileLock(folder / "run.lock", blocking=False):
            return []
    except Timeout:
        shared = _description(folder).get("settings", {})
        return [name for name, value in _hashes(settings).items() if shared.get(name, value) != value]
    except OSError:  # no state folder yet, or another user's
        return []


def _description(folder: Path) -> dict[str, Any]:
    """Return what the running instance has written; empty if that is missing or damaged."""
    try:
        description = json.loads((folder / "run.json").read_text())
        return {
            "pid": description["pid"],
            "address": description["address"],
            "settings": dict(description["settings"]),
        }
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def _hashes(settings: Any) -> dict[str, str]:
    # Some hold passwords and keys.
    return {name: sha256(repr(getattr(settings, name)).encode()).hexdigest()[:12] for name in SHARED_SETTINGS}
