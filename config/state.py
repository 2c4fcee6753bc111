"""The folders of a running Windhover, private to the user who runs it."""

import os
from pathlib import Path


class CannotStart(Exception):
    """Why Windhover does not start, in one sentence for the terminal."""


def make_state_folder(folder: Path) -> None:
    """Make the state folder, open to this user only: it holds the secret key and the database."""
    try:
        (folder / "log").mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise CannotStart(f"STATE_DIR: {folder} cannot be written ({error.strerror}).") from error


def make_broker_folder(folder: Path) -> None:
    """Make the folder of the broker's socket where the path of the state folder is too long for it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    # In a shared temporary folder another user may have made it first.
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise CannotStart(f"{folder} is not private to this user; remove it or choose a shorter STATE_DIR.")
