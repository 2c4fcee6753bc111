"""The index of full text search: its tables and triggers on both databases.

Triggers in plain SQL keep it in step, whichever program writes a video: Windhover, its admin or a database shell. Terms
computed in Python would need a second copy of all texts, or a function that only Windhover's connections have.

- SQLite: an FTS5 table without a copy of the texts. Its rows need a number that stays: the hidden rowid of a table
  whose primary key is a text changes with VACUUM and when Django rebuilds the table. `DOCUMENTS` gives each video one
  that follows from its date of publication, so that FTS5 returns the newest matches first.
- PostgreSQL: a tsvector in a table of its own, so that the videos' rows stay small and adding it locks no table.

FTS5's tokenizer takes a text without spaces as a single word, and PostgreSQL's parser ignores emoji. So in scripts
without spaces, in Korean and Arabic, whose words have parts attached, and for emoji, each character is indexed together
with the next one.

Django rebuilds tables on SQLite, which drops their triggers. So `ensure()` runs after each migrate, and therefore at
each start. There is no migration, since the whole index can be rebuilt from the videos at any time.
"""

import hashlib
import json
import re
import unicodedata
from typing import Any, Final

from django.db import connections, transaction

INDEX: Final = "videos_fulltext"
DOCUMENTS: Final = "videos_fulltext_document"
TERMS: Final = f"{INDEX}_terms"

# A document's number is its video's date in seconds, shifted by so many bits to count those of the same second.
PER_SECOND_BITS: Final = 24

# Rows indexed in one transaction, some seconds, when the index is filled. The time limit of other writers is longer.
PORTION: Final = 10_000

COLUMNS: Final = ("title", "description", "channel_title")

# Letters of scripts without spaces between words, Korean, Arabic, and emoji. Few and wide ranges, because each
# character of a text is compared with all of them; the punctuation that they contain does no harm.
PAIRED: Final = "".join(
    (
        "\u0620-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc",  # Arabic
        "\u0e01-\u109f\u1780-\u17ff",  # Thai, Lao, Tibetan, Burmese, Khmer
        "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff",  # Korean
        "\u2e80-\u2fff\u3005-\u3007\u3041-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uffdc"
        "\U00020000-\U000323af",  # Chinese, Japanese
        "\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff",  # emoji
    )
)
_FIRST_PAIRED: Final = min(PAIRED.replace("-", ""))
_LAST_PAIRED: Final = max(PAIRED)
# Left out of texts: Arabic vowel signs and lengthening, joiners, and the mark of a character as an emoji.
IGNORED: Final = "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670\u0640\u200c\u200d\ufe0f"

_RUN = re.compile(f"[{PAIRED}]+")
LATIN_ACCENTS = re.compile("([A-Za-z])[\u0300-\u036f]+")


def pieces(text: str) -> tuple[list[str], bool]:
    """Return the terms that a video with `text` in it has one after the other, and whether the last one is part of a
    longer run of paired characters."""
    folded = unicodedata.normalize("NFC", LATIN_ACCENTS.sub(r"\1", unicodedata.normalize("NFD", text.lower())))
    folded = folded.replace("ς", "σ")
    folded = folded.translate({ord(character): None for character in IGNORED})
    found: list[str] = []
    run_at_end = False
    for word in re.findall(f"[{PAIRED}]+|[^{PAIRED}]+", folded):
        if _RUN.match(word):
            found += [word[at : at + 2] for at in range(len(word))]
            run_at_end = True
        elif words := "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in word).split():
            found += words
            run_at_end = False
    # Where the text goes on, the last character has a pair with the next one.
    if run_at_end and len(found) > 1 and len(found[-2]) == 2 and found[-2][1] == found[-1] and _RUN.match(found[-2]):
        del found[-1]
    return found, run_at_end


def encoded(piece: str) -> str:
    """Return a term as it is indexed: paired characters as hexadecimal digits, which both databases take for a word."""
    return "x" + piece.encode().hex() if _RUN.match(piece) else piece


def ensure(database: str) -> None:
    """Create or repair the index. If it is intact, this only takes a few reading queries."""
    with connections[database].cursor() as cursor:
        if "videos_video" not in connections[database].introspection.table_names(cursor):
            return  # not migrated yet
        if connections[database].vendor == "sqlite":
            _ensure_on_sqlite(cursor, database)
        else:
            _ensure_on_postgresql(cursor, database)


# --- SQLite --------------------------------------------------------------------------------------


def _terms_on_sqlite(text: str) -> str:
    """Return the SQL that makes of the column `text` what FTS5's tokenizer divides into terms.

    Most texts have no paired characters and are used as they are, without what is ignored. Others are read in parts of
    64 characters, since SQLite finds a place in a text by reading it from its beginning. Comparing with all ranges
    takes longest, so what is outside of the widest one is left out before.
    """
    plain = text
    for character in IGNORED:
        plain = f"replace({plain}, '{character}', '')"
    return f"""CASE
    WHEN length({text}) = length(CAST({text} AS BLOB)) THEN {text}
    WHEN {text} NOT GLOB '*[{_FIRST_PAIRED}-{_LAST_PAIRED}]*' OR {text} NOT GLOB '*[{PAIRED}]*'
      THEN CASE WHEN {text} GLOB '*[{IGNORED}]*' THEN {plain} ELSE {text} END ELSE (
    WITH RECURSIVE
      whole(plain) AS (SELECT {plain}),
      part(chars, rest) AS (
        SELECT substr(plain, 1, 65), substr(plain, 65) FROM whole
        UNION ALL SELECT substr(rest, 1, 65), substr(rest, 65) FROM part WHERE rest <> ''),
      place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < 64),
      -- Materialized, so that each pair is taken out of its part only once.
      pair(chars) AS MATERIALIZED (
        SELECT substr(part.chars, n, 2) FROM part CROSS JOIN place WHERE n <= length(part.chars))
    SELECT group_concat(CASE
      WHEN chars < '{_FIRST_PAIRED}' THEN substr(chars, 1, 1)
      WHEN chars GLOB '[{PAIRED}][{PAIRED}]' THEN ' x' || hex(chars) || ' '
      WHEN chars GLOB '[{PAIRED}]*' THEN ' x' || hex(substr(chars, 1, 1)) || ' '
      ELSE substr(chars, 1, 1) END, '')
    FROM pair) END"""


def _of(row: str) -> str:
    return ", ".join(_terms_on_sqlite(f"{row}.{column}") for column in COLUMNS)


def _first_number(row: str) -> str:
    return f"((8589934592 - CAST(strftime('%s', {row}.published_at) AS INTEGER)) << {PER_SECOND_BITS})"


def published_since(number: int) -> int:
    """Return the Unix time of a document's video, in seconds."""
    return 8589934592 - (number >> PER_SECOND_BITS)


_COLUMN_LIST = ", ".join(COLUMNS)
_ADD = f"""
  INSERT INTO {DOCUMENTS} (id, video_id)
    SELECT coalesce(max(id) + 1, {_first_number("new")}), new.video_id FROM {DOCUMENTS}
    WHERE id BETWEEN {_first_number("new")} AND {_first_number("new")} + {2**PER_SECOND_BITS - 2};
  INSERT INTO {INDEX} (rowid, {_COLUMN_LIST})
    SELECT id, {_of("new")} FROM {DOCUMENTS} WHERE video_id = new.video_id;"""
_REMOVE = f"""
  INSERT INTO {INDEX} ({INDEX}, rowid, {_COLUMN_LIST})
    SELECT 'delete', id, {_of("old")} FROM {DOCUMENTS} WHERE video_id = old.video_id;
  DELETE FROM {DOCUMENTS} WHERE video_id = old.video_id;"""
_INDEXED = ("video_id", *COLUMNS, "published_at")
_CHANGED = " OR ".join(f"old.{column} IS NOT new.{column}" for column in _INDEXED)

# By name, as sqlite_master has them.
_ON_SQLITE: Final = {
    DOCUMENTS: f"CREATE TABLE {DOCUMENTS} (id integer PRIMARY KEY, video_id varchar(16) NOT NULL UNIQUE)",
    INDEX: f"CREATE VIRTUAL TABLE {INDEX} USING fts5({_COLUMN_LIST}, content='', columnsize=0, "
    "tokenize=\"unicode61 remove_diacritics 2 categories 'L* M* N* Co'\")",
    f"{INDEX}_insert": f"CREATE TRIGGER {INDEX}_insert AFTER INSERT ON videos_video BEGIN{_ADD}\nEND",
    f"{INDEX}_delete": f"CREATE TRIGGER {INDEX}_delete AFTER DELETE ON videos_video BEGIN{_REMOVE}\nEND",
    f"{INDEX}_update": f"CREATE TRIGGER {INDEX}_update AFTER UPDATE OF {', '.join(_INDEXED)} ON videos_video\n"
    f"WHEN {_CHANGED} BEGIN{_REMOVE}{_ADD}\nEND",
}


def _ensure_on_sqlite(cursor: Any, database: str) -> None:
    cursor.execute(f"SELECT name, sql FROM sqlite_master WHERE name IN {tuple(_ON_SQLITE)}")
    if dict(cursor.fetchall()) != _ON_SQLITE:
        # Without its triggers the index may have missed changes.
        _make_on_sqlite(cursor, database)
    elif (surplus := _surplus(cursor, DOCUMENTS)) > 0:
        _make_on_sqlite(cursor, database)
    elif surplus == 0:
        return
    _fill_on_sqlite(cursor, database)


def _make_on_sqlite(cursor: Any, database: str) -> None:
    with transaction.atomic(database):
        for name, sql in _ON_SQLITE.items():
            kind = "TRIGGER" if sql.startswith("CREATE TRIGGER") else "TABLE"
            cursor.execute(f"DROP {kind} IF EXISTS {name}")
        for sql in _ON_SQLITE.values():
            cursor.execute(sql)


def _fill_on_sqlite(cursor: Any, database: str) -> None:
    """Index the videos that are not, newest first, which is the order of their numbers: FTS5 writes that fastest."""
    place = ("9999-12-31", "")
    while True:
        with transaction.atomic(database):
            cursor.execute(
                f"""SELECT published_at || '', video_id, {_first_number("video").replace("%", "%%")}
                FROM videos_video AS video
                WHERE (published_at, video_id) < (%s, %s)
                  AND NOT EXISTS (SELECT 1 FROM {DOCUMENTS} AS known WHERE known.video_id = video.video_id)
                ORDER BY published_at DESC, video_id DESC LIMIT {PORTION}""",
                place,
            )
            if not (rows := cursor.fetchall()):
                return
            place = rows[-1][:2]
            cursor.executemany(
                f"""INSERT INTO {DOCUMENTS} (id, video_id) SELECT coalesce(max(id) + 1, %s), %s FROM {DOCUMENTS}
                WHERE id BETWEEN %s AND %s + {2**PER_SECOND_BITS - 2}""",
                [(first, video_id, first, first) for _, video_id, first in rows],
            )
            cursor.execute(
                f"""INSERT INTO {INDEX} (rowid, {_COLUMN_LIST})
                SELECT document.id, {_of("video")} FROM {DOCUMENTS} AS document
                JOIN videos_video AS video ON video.video_id = document.video_id
                WHERE document.video_id IN (SELECT value FROM json_each(%s)) ORDER BY document.id""",
                [json.dumps([video_id for _, video_id, _ in rows])],
            )


# --- PostgreSQL ----------------------------------------------------------------------------------

# ASCII without digits and letters, and the punctuation of other scripts. What PostgreSQL's parser would take for parts
# of an address, a path or a number is a space.
_PUNCTUATION: Final = (
    r"\x01-/:-@\[-`{-\x7f"
    "\u00a0-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u2000-\u206f"
    "\u2190-\u23ff\u2500-\u25ff\u3000-\u3004\u3008-\u3020\uff00-\uff0f"
)

_ON_POSTGRESQL: Final = f"""
CREATE FUNCTION {INDEX}_terms(value text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
BEGIN
  IF octet_length(value) > length(value) THEN
    value := normalize(regexp_replace(normalize(value, NFD), '([A-Za-z])[\u0300-\u036f]+', '\\1', 'g'), NFC);
    value := translate(lower(value), 'ς{IGNORED}', 'σ');
    IF value ~ '[{PAIRED}]' THEN
      SELECT string_agg(CASE WHEN run[1] !~ '^[{PAIRED}]' THEN run[1] ELSE (
          SELECT string_agg(' x' || encode(convert_to(substr(run[1], n, 2), 'UTF8'), 'hex'), '' ORDER BY n) || ' '
          FROM generate_series(1, length(run[1])) AS n) END, '' ORDER BY place)
        INTO value
        FROM regexp_matches(value, '[{PAIRED}]+|[^{PAIRED}]+', 'g') WITH ORDINALITY AS found(run, place);
    END IF;
  END IF;
  RETURN to_tsvector('pg_catalog.simple', regexp_replace(value, '[{_PUNCTUATION}]+', ' ', 'g'));
END $body$;

CREATE TABLE {INDEX} (video_id varchar(16) PRIMARY KEY, terms tsvector NOT NULL);

CREATE FUNCTION {INDEX}_document(title text, description text, channel_title text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
  -- No phrase goes on from one column to the next.
  SELECT setweight({INDEX}_terms(title), 'A') || $$'.':1$$::tsvector
    || setweight({INDEX}_terms(description), 'B') || $$'.':1$$::tsvector
    || setweight({INDEX}_terms(channel_title), 'C')
$body$;

CREATE FUNCTION {INDEX}_follow() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM {INDEX};
    RETURN NULL;
  END IF;
  -- Compared here, since PostgreSQL does not change the type of a column that a trigger names.
  IF TG_OP = 'UPDATE' AND (new.video_id, new.title, new.description, new.channel_title)
      IS NOT DISTINCT FROM (old.video_id, old.title, old.description, old.channel_title) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND new.video_id <> old.video_id) THEN
    DELETE FROM {INDEX} WHERE video_id = old.video_id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO {INDEX} VALUES
      (new.video_id, {INDEX}_document(new.title, new.description, new.channel_title))
      ON CONFLICT (video_id) DO UPDATE SET terms = excluded.terms;
  END IF;
  RETURN NULL;
END $body$;

CREATE TRIGGER {INDEX}_change AFTER INSERT OR UPDATE OR DELETE ON videos_video
  FOR EACH ROW EXECUTE FUNCTION {INDEX}_follow();
CREATE TRIGGER {INDEX}_truncate AFTER TRUNCATE ON videos_video FOR EACH STATEMENT EXECUTE FUNCTION {INDEX}_follow();
"""
_DROP_ON_POSTGRESQL: Final = f"""
DROP TABLE IF EXISTS {INDEX};
DROP FUNCTION IF EXISTS {INDEX}_follow() CASCADE;
DROP FUNCTION IF EXISTS {INDEX}_document(text, text, text);
DROP FUNCTION IF EXISTS {INDEX}_terms(text);
"""
_VERSION: Final = hashlib.sha256(_ON_POSTGRESQL.encode()).hexdigest()


def _ensure_on_postgresql(cursor: Any, database: str) -> None:
    cursor.execute("SELECT obj_description(to_regclass(%s))", [INDEX])
    is_current = cursor.fetchone()[0] == _VERSION
    cursor.execute(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'videos_video'::regclass AND tgname IN (%s, %s)"
        " AND tgenabled = 'O'",
        [f"{INDEX}_change", f"{INDEX}_truncate"],
    )
    has_triggers = cursor.fetchone()[0] == 2
    surplus = _surplus(cursor, INDEX) if is_current and has_triggers else 1
    if surplus > 0:
        with transaction.atomic(database):
            cursor.execute(_DROP_ON_POSTGRESQL)
            cursor.execute(_ON_POSTGRESQL)
            cursor.execute(f"COMMENT ON TABLE {INDEX} IS '{_VERSION}'")
    cursor.execute("SELECT to_regclass(%s) IS NULL", [TERMS])
    if surplus or cursor.fetchone()[0]:
        _fill_on_postgresql(cursor, database)


def _fill_on_postgresql(cursor: Any, database: str) -> None:
    """Add the documents that are missing, and then the index of their terms: adding to that takes far longer."""
    last = ""
    while last is not None:
        # A video that a trigger has added meanwhile is up to date.
        cursor.execute(
            f"""WITH portion AS (SELECT * FROM videos_video WHERE video_id > %s ORDER BY video_id LIMIT {PORTION}),
            added AS (
              INSERT INTO {INDEX} SELECT video_id, {INDEX}_document({_COLUMN_LIST}) FROM portion
              ON CONFLICT (video_id) DO NOTHING)
            SELECT max(video_id) FROM portion""",
            [last],
        )
        last = cursor.fetchone()[0]
    with transaction.atomic(database):
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {TERMS} ON {INDEX} USING gin (terms)")
    cursor.execute(f"ANALYZE {INDEX}")  # so that the planner knows which words are common


def _surplus(cursor: Any, documents: str) -> int:
    """Return how many documents there are more than videos."""
    cursor.execute(f"SELECT (SELECT count(*) FROM {documents}) - (SELECT count(*) FROM videos_video)")
    return int(cursor.fetchone()[0])
