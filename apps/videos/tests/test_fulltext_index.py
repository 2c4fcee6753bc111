"""The index of full text search follows the videos, and is mended where it does not."""

import pytest
from django.core.management import call_command
from django.db import connection, connections

from apps.videos import fulltext_index
from apps.videos.models import Video
from apps.videos.tests.plans import recorded
from apps.videos.tests.test_fulltext import NEWEST, add, found

pytestmark = pytest.mark.django_db

IS_SQLITE = connections["default"].vendor == "sqlite"
TRIGGERS = [
    f"videos_fulltext_{name}" for name in (["insert", "update", "delete"] if IS_SQLITE else ["change", "truncate"])
]

DOCUMENTS = fulltext_index.DOCUMENTS if IS_SQLITE else fulltext_index.INDEX


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def empty_index() -> None:
    if IS_SQLITE:
        execute("INSERT INTO videos_fulltext (videos_fulltext) VALUES ('delete-all')")
    execute(f"DELETE FROM {DOCUMENTS}")


def drop_trigger(name: str) -> None:
    execute(f"DROP TRIGGER {name}" + ("" if IS_SQLITE else " ON videos_video"))


def test_it_follows_changes() -> None:
    add("it", "Kestrel", channel_title="Birds")
    videos = Video.objects.filter(pk="it")
    videos.update(title="Falcon")
    assert (found("kestrel"), found("falcon"), found("birds")) == (set(), {"it"}, {"it"})
    videos.update(description="Hovering 日本語")
    assert (found("falcon"), found("hovering"), found("本語")) == ({"it"}, {"it"}, {"it"})
    videos.update(channel_title="Raptors", published_at=NEWEST.replace(year=2020))
    assert (found("channel:birds"), found("channel:raptors"), found("日本")) == (set(), {"it"}, {"it"})
    execute("UPDATE videos_video SET title = 'Osprey' WHERE video_id = 'it'")
    assert found("osprey") == {"it"}
    videos.delete()
    assert (found("osprey"), found("-absent")) == (set(), set())


def test_it_follows_upserts() -> None:
    known = add("it", "Kestrel")
    known.title = "Falcon"
    new = Video(video_id="new", title="Falcon", published_at=NEWEST, created_at=NEWEST, updated_at=NEWEST)
    Video.objects.bulk_create([known, new], update_conflicts=True, unique_fields=["video_id"], update_fields=["title"])
    assert (found("kestrel"), found("falcon")) == (set(), {"it", "new"})


def test_an_unchanged_video_is_not_indexed_again() -> None:
    add("it", "Kestrel")
    empty_index()
    Video.objects.filter(pk="it").update(title="Kestrel", view_count=7)
    assert found("kestrel") == set()


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_missing_triggers_are_made_anew(trigger: str) -> None:
    add("changed", "Kestrel 日本語")
    add("deleted", "Kestrel")
    drop_trigger(trigger)
    Video.objects.filter(pk="changed").update(title="Falcon")
    Video.objects.filter(pk="deleted").delete()
    add("added", "Falcon")
    call_command("migrate", verbosity=0)
    assert (found("kestrel"), found("falcon")) == (set(), {"changed", "added"})
    add("later", "Falcon")
    assert found("falcon") == {"changed", "added", "later"}


def test_a_missing_index_is_made_anew() -> None:
    add("it", "Kestrel")
    execute("DROP TABLE videos_fulltext")
    fulltext_index.ensure("default")
    assert found("kestrel") == {"it"}


def test_an_interrupted_filling_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulltext_index, "PORTION", 2)
    for number in range(5):
        add(f"video{number}", "Kestrel", minutes_ago=number % 2)
    empty_index()
    fulltext_index.ensure("default")
    assert found("kestrel") == {f"video{number}" for number in range(5)}


@pytest.mark.skipif(IS_SQLITE, reason="FTS5 has no index of its own to make")
def test_terms_are_indexed_after_filling() -> None:
    """Adding to the index of terms one by one takes ten times as long."""
    add("it", "Kestrel")
    execute("DROP TABLE videos_fulltext")
    with recorded() as queries:
        fulltext_index.ensure("default")
    fills = [number for number, query in enumerate(queries) if "INSERT INTO videos_fulltext SELECT" in query.sql]
    made = [number for number, query in enumerate(queries) if query.sql.startswith("CREATE INDEX")]
    assert len(made) == 1
    assert fills[-1] < made[0]


@pytest.mark.skipif(IS_SQLITE, reason="FTS5 has no index of its own to make")
def test_a_missing_index_of_terms_is_made() -> None:
    """As after an interruption between filling and indexing."""
    add("it", "Kestrel")
    execute("DROP INDEX videos_fulltext_terms")
    fulltext_index.ensure("default")
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'videos_fulltext_terms'")
        assert "USING gin" in cursor.fetchone()[0]
    assert found("kestrel") == {"it"}


def test_videos_that_are_gone_leave_the_index() -> None:
    add("it", "Kestrel")
    columns, values = ("id, video_id", "1, 'gone'") if IS_SQLITE else ("video_id, terms", "'gone', 'kestrel'")
    execute(f"INSERT INTO {DOCUMENTS} ({columns}) VALUES ({values})")
    fulltext_index.ensure("default")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT video_id FROM {DOCUMENTS}")
        assert cursor.fetchall() == [("it",)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not IS_SQLITE, reason="VACUUM changes hidden row numbers on SQLite only")
def test_it_survives_vacuum() -> None:
    for number in range(10):
        add(f"video{number}", f"Kestrel{number}")
    Video.objects.filter(pk__lt="video5").delete()
    execute("VACUUM")
    assert found("kestrel7") == {"video7"}


@pytest.mark.django_db(transaction=True)
def test_emptying_the_tables_empties_the_index() -> None:
    add("it", "Kestrel")
    call_command("flush", interactive=False, verbosity=0)
    add("it", "Falcon")
    assert (found("kestrel"), found("falcon")) == (set(), {"it"})
