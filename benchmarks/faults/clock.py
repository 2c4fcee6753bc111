"""A clock for Windhover's processes only, which can be set while they run: see clock.c."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_name("clock.c")


def compiler() -> str | None:
    """Return the C compiler that the clock needs, or None if there is none."""
    return shutil.which("cc")


class Clock:
    """A clock whose files are in `folder`; it is right at first. Processes started with `environment` follow it."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "clock.so", folder / "ahead"
        self.set(0)
        subprocess.run([compiler() or "cc", "-shared", "-fPIC", "-O2", "-o", library, _SOURCE], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self._file)}

    def set(self, seconds: int) -> None:
        """Set it so many seconds ahead; 0 is right."""
        # Not a new file: processes have this one in memory.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))
