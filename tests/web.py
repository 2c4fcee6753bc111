"""The web server alone, without worker, beat and broker."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

from tests.running import BASE_DIR, LONG, clean_environment, copy_state, wait_for


@contextmanager
def running_web(folder: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Prepare a database and serve it; yield the process and its port. Its output is in `folder`/web.txt."""
    environment = clean_environment(folder, {"YT_KEYS": "not-used", **variables})
    copy_state(environment)
    subprocess.run([sys.executable, "-m", "config.prepare"], check=True, cwd=BASE_DIR, env=environment)
    output = folder / "web.txt"
    with output.open("ab") as terminal:
        web = subprocess.Popen(
            [sys.executable, "-m", "config.serve"], cwd=BASE_DIR, env=environment, stdout=terminal, stderr=terminal
        )
    port = int(environment["PORT"])
    try:
        wait_for(lambda: listens(port), output.read_text)
        assert ping(port, LONG) == 200  # the processes behind the socket are ready
        yield web, port
    finally:
        web.terminate()
        assert web.wait(60) in (0, -signal.SIGKILL), output.read_text()


def ping(port: int, timeout: float, path: str = "/ping/") -> int:
    """Return the status of the answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
