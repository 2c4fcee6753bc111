"""Which machine this is: containers of several machines may have the same host name."""

import os
import secrets
import socket
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from django.conf import settings


def name() -> str:
    """Return the host name, and an id that the state folder keeps, as a new container does not."""
    try:
        return f"{socket.gethostname()} {_id(settings.STATE_DIR)}"
    except OSError:  # it cannot be written
        return socket.gethostname()


@cache
def _id(folder: Path) -> str:
    file = folder / "machine_id"
    if not file.exists():
        # Linked into place when complete, because other processes may start at the same time.
        with tempfile.NamedTemporaryFile("w", dir=folder) as draft:
            draft.write(secrets.token_hex(4))
            draft.flush()
            with suppress(FileExistsError):
                os.link(draft.name, file)
    return file.read_text()
