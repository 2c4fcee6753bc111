"""Which rows a statement reads: its plan, as the database explains it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.db import connection, models, transaction

from apps.videos.models import Match, Video, VideoLog

# Those that grow to hundreds of thousands of rows.
BIG: tuple[type[models.Model], ...] = (Video, Match, VideoLog)


@dataclass(frozen=True, slots=True)
class Query:
    """A statement, with its parameters as Django passes them to the database."""

    sql: str
    params: Any


@contextmanager
def recorded() -> Iterator[list[Query]]:
    """Return the statements that are executed inside the block.

    CaptureQueriesContext would not do: it writes the parameters into the SQL, and the plan can then differ. SQLite, for
    example, uses a partial index with IN in its condition only if the values are written there.
    """
    queries: list[Query] = []

    def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        queries.append(Query(sql, params[0] if many else params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        yield queries


def query_of(rows: models.QuerySet[Any]) -> Query:
    """Return the statement that reads these rows."""
    return Query(*rows.query.sql_with_params())


def assert_no_scan(queries: Iterable[Query], tables: Iterable[type[models.Model]] = BIG) -> None:
    """Check that no statement reads a whole table, or a whole index of one, unless it is a partial index.

    The statements are not executed.
    PostgreSQL plans as if each table with rows had a million, and scans an empty one only if no index suits.
    """
    names = {model._meta.db_table for model in tables}
    found = {query.sql: scans for query in queries if (scans := _scans(query, names))}
    assert not found, "\n\n".join(f"{sql}\n    {'; '.join(scans)}" for sql, scans in found.items())


def _scans(query: Query, tables: set[str]) -> list[str]:
    """Return the steps of the plan that scan one of `tables`."""
    if query.sql.partition(" ")[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
        return []  # SAVEPOINT and the like
    steps = _sqlite_scans(query) if connection.vendor == "sqlite" else _postgresql_scans(query)
    return [step for table, step in steps if table in tables]


def _sqlite_scans(query: Query) -> Iterator[tuple[str, str]]:
    """Yield the table of each scan, and its description: "SCAN table", or "SCAN alias USING INDEX name"."""
    tables = _sqlite_tables(query.sql)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'")
        partial = {name for (name,) in cursor.fetchall()}
        cursor.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.params)
        steps = [step.split() for *_, step in cursor.fetchall()]
    for words in steps:
        if words[0] == "SCAN" and words[-1] not in partial:
            yield tables.get(words[1], words[1]), " ".join(words)


def _sqlite_tables(sql: str) -> dict[str, str]:
    """Return the tables' names by their aliases: Django writes `"videos_video" U0`."""
    words = sql.replace("(", " ").replace(")", " ").split()
    return {alias: table.strip('"') for table, alias in pairwise(words) if table.startswith('"')}


def _postgresql_scans(query: Query) -> Iterator[tuple[str, str]]:
    """Yield the table of each scan, and its description."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        partial = {name for (name,) in cursor.fetchall()}
        with transaction.atomic():
            cursor.execute(
                "UPDATE pg_class SET relpages = 1, reltuples = 1000000"
                " WHERE relname LIKE 'videos\\_%' AND relkind = 'r' AND pg_relation_size(oid) > 0"
            )
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN (FORMAT JSON) {query.sql}", query.params)
            (plans,) = cursor.fetchone()
            transaction.set_rollback(True)
    for node in _nodes((json.loads(plans) if isinstance(plans, str) else plans)[0]["Plan"]):
        kind, index = node["Node Type"], node.get("Index Name")
        if kind == "Seq Scan" or (index and "Index Cond" not in node and index not in partial):
            table = node.get("Relation Name") or _table_of_index(index)
            yield table, f"{kind} on {table}{f' using {index}' if index else ''}"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _table_of_index(index: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = %s::regclass", [index])
        return str(cursor.fetchone()[0])
