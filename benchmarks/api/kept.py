"""The database that is measured: built once, kept in the state folder, and built again when its schema has changed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from benchmarks import own_django
from benchmarks.api import content
from benchmarks.cluster import running_cluster

# The table that names what a database was built from: nothing while it is being built.
_MARK: Final = "built_by_bench_api"


class NotUsable(Exception):
    """Why a database cannot be used, in a sentence."""


@contextmanager
def database(kind: str, videos: int, state: Path) -> Iterator[bool]:
    """Set Django up with a database of `videos` invented videos; yield whether it had to be built.

    `kind` is `sqlite`, `postgresql` for a server of its own, or the DATABASE_URL of another one. What is kept is in
    `state`/bench/api. Raises NotUsable, PostgreSQLMissing.
    """
    is_url = "://" in kind
    folder = state / "bench" / "api" / ("url" if is_url else f"{kind}-{videos}")
    folder.mkdir(parents=True, exist_ok=True)
    variables = {"DJANGO_SETTINGS_MODULE": "benchmarks.api.settings", "YT_KEYS": "not-used"}
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(folder / "lock", timeout=0))
        except Timeout:
            raise NotUsable(f"another bin/bench api uses {folder}") from None
        if is_url:
            variables["DATABASE_URL"] = kind
        elif kind == "postgresql":
            variables["DATABASE_URL"] = stack.enter_context(running_cluster(folder / "data")).url
        (folder / "static").mkdir(exist_ok=True)  # which WhiteNoise would miss
        own_django.configure(folder, **variables)
        yield _build_unless_built(videos)


def _build_unless_built(videos: int) -> bool:
    # Models can be imported only after the set-up.
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    from benchmarks.api.building import build, empty

    latest = sorted(MigrationLoader(None).graph.leaf_nodes())
    wanted = sha256(repr((content.VERSION, videos, latest)).encode()).hexdigest()
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if _MARK in tables:
            cursor.execute(f"SELECT name FROM {_MARK}")
            if cursor.fetchall() == [(wanted,)]:
                call_command("migrate", verbosity=0)  # also does what follows each migrate
                return False
        elif tables:
            raise NotUsable("the database has tables, and was not built by bin/bench api")
    empty()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {_MARK} (name varchar(64))")
    build(videos)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {_MARK} VALUES (%s)", [wanted])
    connection.close()
    return True
