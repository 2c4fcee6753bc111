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


class PostgreSQLMissing(Exception):
    """A program of PostgreSQL is not installed."""


@contextmanager
def running_cluster(kept: Path | None = None) -> Iterator[str]:
    """Run a server, and yield its DATABASE_URL. It listens on a socket only, and does not wait for the disk.

    Its data are those of the folder `kept`, empty if there is none, and are there again afterwards; without `kept`
    they are empty, and removed. Raises PostgreSQLMissing.
    """
    programs = {name: _program(name) for name in ("initdb", "pg_ctl")}
    # PostgreSQL refuses to run as root. The socket's path must be short, and its user able to reach the data.
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="windhover-pg-"))
    data = folder / "data"
    shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs[program], "--pgdata", str(data), *arguments],
            check=True,
            user=user if os.getuid() == 0 else None,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    try:
        if kept and kept.exists():
            shutil.move(kept, data)
            for path in (data, *data.rglob("*")):
                shutil.chown(path, user)
        else:
            run("initdb", "--username=windhover", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        # Statistics gathered in the middle of a run would change plans by chance.
        options += " -c autovacuum=off"
        run("pg_ctl", "--wait", "--log", str(folder / "log"), "--options", options, "start")
        try:
            yield f"postgres://windhover@{str(folder).replace('/', '%2F')}/postgres"
        finally:
            run("pg_ctl", "--wait", f"--mode={'fast' if kept else 'immediate'}", "stop")
            if kept:
                shutil.move(data, kept)
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; Debian keeps the server's out of PATH."""
    found = shutil.which(name) or next(iter(sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"))), None)
    if not found:
        raise PostgreSQLMissing(f"{name} is missing")
    return found
