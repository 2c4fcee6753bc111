"""Try each part of Windhover, and say what to do about what does not work."""

import shutil
import signal
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final, Literal

from celery import current_app
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from apps.dashboard.configuration import SIGN_IN
from apps.incidents import notify
from apps.incidents.models import MAX_SKEW, Heartbeat
from apps.incidents.parts import BROKER_ERRORS, MIN_FREE_BYTES, UNRESPONSIVE_SECONDS
from apps.quota import keys
from apps.quota.models import ApiKey
from core import invidious_api, youtube_api
from core.errors import SourceError
from core.log_lines import first_line
from core.redaction import long_enough, redact

# A part that has not answered after so many seconds does not work: longer than any of the waits behind it.
SECONDS: Final = 30

# For so long a large database is read; then what was read is without fault.
READ_SECONDS: Final = 20

# With less free space than this, in bytes, it is time to look for more.
LITTLE_SPACE: Final = 1_000_000_000

START = "start bin/run, or the service if it is one"
RESTORE = "restore a backup (docs/backup.md)"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a part, and what to do about it."""

    level: Literal["OK", "WARN", "FAIL"]
    part: str
    text: str


Result = tuple[Literal["OK", "WARN", "FAIL"], str]


def examine() -> Iterator[Finding]:
    """Yield what was found about each part, at least one line for each; raises nothing whatever is broken."""
    broken: set[str] = set()
    for part, (check, needed) in CHECKS.items():
        if needed in broken:
            yield Finding("WARN", part, f"not tried, because of the {needed}")
            continue
        for level, text in _tried(check):
            yield Finding(level, part, redact(text, _secrets()))
            if level == "FAIL":
                broken.add(part)


def _tried(check: Callable[[], Iterator[Result]]) -> list[Result]:
    found: list[Result] = []
    try:
        with _limit(SECONDS):
            found.extend(check())
    except _TooLong:
        found.append(("FAIL", f"does not answer within {SECONDS} s"))
    except Exception as error:  # that is what it is for
        found.append(("FAIL", f"{type(error).__name__}: {_sentence(error)}"))
    return found


class _TooLong(TimeoutError):
    pass


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise _TooLong in the block after so many seconds, and again each second and at the end: libraries catch it."""
    is_over = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_over
        is_over = True
        raise _TooLong

    handler = signal.signal(signal.SIGALRM, end)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
    if is_over:
        raise _TooLong


def _sentence(error: Exception) -> str:
    return first_line(error).rstrip(".")


def _secrets() -> tuple[str, ...]:
    return long_enough(settings.SECRETS)


def _settings() -> Iterator[Result]:
    # All values are valid: else no command starts.
    for message in checks.run_checks():
        yield "FAIL" if message.is_serious() else "WARN", str(message.msg)
    if settings.DEBUG:
        yield "WARN", "DEBUG shows internals on pages: unset it, unless you develop"
    sources = {"YouTube": settings.YT_KEYS, "Invidious": settings.INVIDIOUS_URL}
    source = "the demo" if settings.DEMO else " and ".join(name for name, used in sources.items() if used)
    yield "OK", f"videos from {source}; SIGN_IN is {SIGN_IN[settings.SIGN_IN]}"


def _state_folder() -> Iterator[Result]:
    folder: Path = settings.STATE_DIR
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
        file = folder / "doctor_check"
        file.write_bytes(bytes(4096))
        file.unlink()
    except OSError as error:
        yield "FAIL", f"{folder} cannot be written ({error.strerror}): set STATE_DIR, or change its owner"
        return
    if mode & 0o077:
        yield "WARN", f"others can read {folder}, which has secrets: chmod 700 {folder}"
    else:
        yield "OK", f"{folder}"


def _disk() -> Iterator[Result]:
    free = shutil.disk_usage(settings.STATE_DIR).free
    text = f"{free / 1e9:.1f} GB free in {settings.STATE_DIR}"
    if free < LITTLE_SPACE:
        yield "FAIL" if free < MIN_FREE_BYTES else "WARN", f"{text}: make room (docs/running.md)"
    else:
        yield "OK", text


def _database() -> Iterator[Result]:
    name = connection.settings_dict["NAME"]
    is_file = connection.vendor == "sqlite" and not connection.is_in_memory_db()  # type: ignore[attr-defined]
    if is_file and not Path(name).exists():
        yield "FAIL", f"{name} does not exist yet: {START}"
        return
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        with transaction.atomic():  # SQLite takes the lock of writers
            pass
    except Error as error:
        yield "FAIL", f"{_sentence(error)}: {_advice(error.__cause__)}"
        return
    known = executor.loader.disk_migrations
    own = {migration.app_label for migration in known.values()}
    replaced = {old for migration in known.values() for old in migration.replaces}
    newer = [name for name in executor.loader.applied_migrations if name[0] in own and name not in {*known, *replaced}]
    if newer:
        yield "FAIL", f"it is of a newer version ({'.'.join(newer[-1])}): start that version, or {RESTORE}"
    elif plan:
        yield "FAIL", f"it is not migrated to this version: {START}"
    else:
        yield "OK", f"{connection.vendor}, {name}, migrated"


def _advice(cause: BaseException | None) -> str:
    if isinstance(cause, sqlite3.OperationalError):
        return "check the owner of the file and its folder, and what else uses it"
    return RESTORE if isinstance(cause, sqlite3.DatabaseError) else "check DATABASE_URL, and whether the server runs"


def _integrity() -> Iterator[Result]:
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_checksums")
            (verified,) = cursor.fetchone()
        yield "OK", f"left to PostgreSQL, whose data_checksums are {verified}"
        return
    deadline = time.monotonic() + READ_SECONDS
    connection.ensure_connection()
    driver: sqlite3.Connection = connection.connection
    driver.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
    try:
        faults = [row[0] for row in driver.execute("PRAGMA quick_check(1)")]
    except sqlite3.DatabaseError as error:
        if "interrupted" in str(error):
            yield "OK", f"no fault in what was read within {READ_SECONDS} s"
        else:
            yield "FAIL", f"{_sentence(error)}: {_advice(error)}"
        return
    finally:
        driver.set_progress_handler(None, 0)
    if faults != ["ok"]:
        yield "FAIL", f"{faults[0].splitlines()[-1]}: {RESTORE}"
    else:
        yield "OK", "no fault"


def _broker() -> Iterator[Result]:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0)
            broker.default_channel.client.ping()
    except BROKER_ERRORS as error:
        advice = "check REDIS_URL, and whether the server runs" if settings.REDIS_URL else START
        yield "FAIL", f"{_sentence(error)}: {advice}"
    else:
        yield "OK", "answers"


def _worker() -> Iterator[Result]:
    replies = current_app.control.broadcast("wall_clock", reply=True, timeout=3)
    clocks = {name: answer for reply in replies for name, answer in reply.items()}
    if not clocks:
        yield "FAIL", f"no worker answers: {START}"
    for name, answer in clocks.items():
        if isinstance(answer, int | float):
            yield _compared(name, datetime.fromtimestamp(answer, UTC))


def _beat() -> Iterator[Result]:
    row = Heartbeat.objects.filter(part="beat").first()
    age = (timezone.now() - row.beat_at).total_seconds() if row else None
    if age is None or age > UNRESPONSIVE_SECONDS:
        since = "never" if age is None else f"{age:,.0f} s ago"
        yield "FAIL", f"it was last seen {since}: {START}"
    elif age < -MAX_SKEW.total_seconds():
        yield "FAIL", f"its clock, or ours, was {-age:,.0f} s ahead: synchronize both with NTP"
    else:
        yield "OK", f"seen {max(age, 0):.0f} s ago"


def _static_files() -> Iterator[Result]:
    if settings.DEBUG:
        yield "OK", "served from the program (DEBUG)"
        return
    try:
        staticfiles_storage.url("dashboard/windhover.css")
    except ValueError:
        yield "FAIL", f"not collected: {START}"
    else:
        yield "OK", f"{settings.STATIC_ROOT}"


def _youtube() -> Iterator[Result]:
    """Compare its clock with ours: what it costs is one request without a key."""
    if not settings.YT_KEYS:
        yield "OK", "not used: YT_KEYS is empty"
        return
    try:
        theirs = youtube_api.server_time(settings.YOUTUBE_API_URL)
    except SourceError as error:
        advice = START if settings.DEMO else "check the network, the proxy and the firewall"
        yield "FAIL", f"{_sentence(error)}: {advice}"
        return
    yield _compared("YouTube", theirs) if theirs else ("WARN", "answers, but does not say its time")


def _compared(other: str, theirs: datetime) -> Result:
    ahead = timezone.now() - theirs
    if abs(ahead) <= MAX_SKEW:
        return "OK", f"{other} answers; our clocks agree"
    direction = "ahead of" if ahead.total_seconds() > 0 else "behind"
    minutes = round(abs(ahead).total_seconds() / 60)
    return "FAIL", f"our clock is {minutes:,} min {direction} that of {other}: synchronize both with NTP"


def _keys() -> Iterator[Result]:
    fingerprints = keys.configured_by_fingerprint()
    rows = [row for row in ApiKey.objects.all() if row.fingerprint in fingerprints]
    if len(rows) < len(fingerprints):
        yield "WARN", f"{len(fingerprints) - len(rows)} of YT_KEYS not known to the running system yet: restart it"
    usable = keys.in_service()
    for row in rows:
        if row.state in (ApiKey.State.ACTIVE, ApiKey.State.COOLING_DOWN):
            level: Literal["OK", "WARN"] = "OK" if row.is_usable(timezone.now()) else "WARN"
            yield level, f"{row.label}: {row.get_state_display()} {row.reason and f'({row.reason})'}".strip()
        else:
            text = f"{row.label}: {row.get_state_display()} ({row.reason})"
            yield "WARN" if usable else "FAIL", f"{text}: fix it in Google Cloud, then try it again on /quota/"
    if not fingerprints:
        yield "OK", "none: YT_KEYS is empty"


def _invidious() -> Iterator[Result]:
    if not settings.INVIDIOUS_URL:
        yield "OK", "not used: INVIDIOUS_URL is empty"
        return
    try:
        found = invidious_api.search_videos("news", instance=settings.INVIDIOUS_URL, pages=1)
    except SourceError as error:
        yield "WARN" if settings.YT_KEYS else "FAIL", f"{_sentence(error)}: set INVIDIOUS_URL to another instance"
    else:
        yield "OK", f"a search found {len(found)} videos"


def _notifications() -> Iterator[Result]:
    try:
        notify.check()
    except ImproperlyConfigured as error:
        yield "FAIL", str(error)
        return
    number = len(notify.addresses())
    if number:
        yield "OK", f"{number} in NOTIFY_URLS, not tried: manage.py notify --test sends a message"
    else:
        yield "WARN", "no one is notified of problems: set NOTIFY_URLS"


# In the order in which they are tried, each with the part without which it cannot be.
CHECKS: Final[dict[str, tuple[Callable[[], Iterator[Result]], str]]] = {
    "settings": (_settings, ""),
    "state folder": (_state_folder, ""),
    "disk": (_disk, ""),
    "database": (_database, ""),
    "integrity": (_integrity, "database"),
    "broker": (_broker, ""),
    "worker": (_worker, "broker"),
    "beat": (_beat, "database"),
    "static files": (_static_files, ""),
    "YouTube": (_youtube, ""),
    "API keys": (_keys, "database"),
    "Invidious": (_invidious, ""),
    "notifications": (_notifications, ""),
}
