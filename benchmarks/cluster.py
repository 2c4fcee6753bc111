"""A PostgreSQL server of its own, for a benchmark or for tests."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

import psutil


class PostgreSQLMissing(Exception):
    """A program of PostgreSQL is not installed."""


class Cluster:
    """A server with its data in `folder`, at `url`. It listens on a socket only, and does not wait for the disk."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.url = f"postgres://windhover@{str(folder).replace('/', '%2F')}/postgres"
        self._folder = folder
        self._programs = {name: _program(name) for name in ("initdb", "pg_ctl")}
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self._own(folder)

    def make(self) -> None:
        """Make empty data."""
        self._run("initdb", "--username=windhover", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def take(self, kept: Path) -> None:
        """Move the data of another server here."""
        shutil.move(kept, self.data)
        for path in (self.data, *self.data.rglob("*")):
            self._own(path)

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c fsync=off"
        # Statistics gathered in the middle of a run would change plans by chance.
        options += " -c autovacuum=off"
        self._run("pg_ctl", "--wait", "--log", str(self._folder / "log"), "--options", options, "start")

    def stop(self, mode: str) -> None:
        self._run("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def kill(self) -> None:
        """Kill all of its processes, as a power cut would. What was committed is there after the next start."""
        server = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        processes = [server, *server.children()]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes)

    def _own(self, path: Path) -> None:
        shutil.chown(path, self._user)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs[program], "--pgdata", str(self.data), *arguments],
            check=True,
            user=self._user if os.getuid() == 0 else None,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )


@contextmanager
def running_cluster(kept: Path | None = None) -> Iterator[Cluster]:
    """Run a server.

    Its data are those of the folder `kept`, empty if there is none, and are there again afterwards; without `kept`
    they are empty, and removed. Raises PostgreSQLMissing.
    """
    # The socket's path must be short, and the server's user able to reach the data.
    folder = Path(tempfile.mkdtemp(prefix="windhover-pg-"))
    try:
        cluster = Cluster(folder)
        if kept and kept.exists():
            cluster.take(kept)
        else:
            cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop("fast" if kept else "immediate")
            if kept:
                shutil.move(cluster.data, kept)
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; Debian keeps the server's out of PATH."""
    found = shutil.which(name) or next(iter(sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"))), None)
    if not found:
        raise PostgreSQLMissing(f"{name} is missing")
    return found
