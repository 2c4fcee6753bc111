"""The web server alone, without worker, beat and broker."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.running import BASE_DIR, clean_environment, wait_for


@contextmanager
def running_web(folder: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Prepare a database and serve it; yield the process and its port. Its output is in `folder`/web.txt."""
    environment = clean_environment(folder, {"YT_KEYS": "not-used", **variables})
    subprocess.run([sys.executable, "-m", "config.prepare"], check=True, cwd=BASE_DIR, env=environment)
    output = folder / "web.txt"
    with output.open("ab") as terminal:
        web = subprocess.Popen(
            [sys.executable, "-m", "config.serve"], cwd=BASE_DIR, env=environment, stdout=terminal, stderr=terminal
        )
    port = int(environment["PORT"])
    try:
        wait_for(lambda: listens(port), output.read_text)
        yield web, port
    finally:
        web.terminate()
        assert web.wait(60) in (0, -signal.SIGKILL), output.read_text()


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
