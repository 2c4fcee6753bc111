"""After a backup of the database was restored, no more searches are made than there are."""

import resource
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from pytest_django import Settings

from apps.quota import keys, ledger, report, searches_file
from apps.quota.errors import QuotaExhausted
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey, QuotaSpend
from apps.quota.tests.conftest import UseKeys, used
from apps.quota.youtube import YouTube
from simulator import Clock, Project, Simulator, World

pytestmark = pytest.mark.django_db

# Noon in California: half the day.
NOON = datetime(2026, 11, 22, 20, tzinfo=UTC)
LIMIT = 30


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _birds(clock: time_machine.Traveller, settings: Settings, use_keys: UseKeys) -> None:
    """Windhover with one project."""
    settings.YT_SEARCHES_PER_DAY = {"": LIMIT}
    use_keys("birds=one")


@pytest.fixture
def youtube(settings: Settings) -> Iterator[Simulator]:
    """A YouTube that enforces the project's daily limit."""
    world = World(seed=7, started_at=NOON, index_delay=0)
    with Simulator(world, projects=[Project("birds", ["one"])], clock=Clock(NOON, frozen=True)) as running:
        running.projects["birds"].limits["search"] = LIMIT
        settings.YOUTUBE_API_URL = running.youtube_url
        yield running


@pytest.fixture
def file(settings: Settings) -> Path:
    return Path(settings.STATE_DIR) / "searches.json"


def search(purpose: Purpose, times: int = LIMIT + 1) -> int:
    """Search until it is refused, at most so many times; return how often it was not."""
    for number in range(times):
        try:
            YouTube().search("kestrel", purpose, published_after=NOON - timedelta(hours=1))
        except QuotaExhausted:
            return number
    return times


def reserve(searches: int) -> None:
    """Use searches of which YouTube need not know."""
    for _ in range(searches):
        assert ledger.reserve("birds", "search", Purpose.MANUAL)


def restore(backup: int) -> None:
    """Replace the database by a backup that knows `backup` searches of today, and start."""
    QuotaSpend.objects.all().delete()
    if backup:
        QuotaSpend.objects.create(project="birds", day="2026-11-22", bucket="search", used=backup)
    call_command("migrate", verbosity=0)


def refusals(youtube: Simulator) -> int:
    return youtube.projects["birds"].keys[0].requests - LIMIT


@pytest.mark.parametrize("backup", [0, 5])
def test_it_works(youtube: Simulator, backup: int) -> None:
    """The state folder knows what was searched after the backup."""
    search(Purpose.MANUAL, times=20)
    restore(backup)

    assert used("birds") == 20
    assert report.scheduled_searches().left == 29 - 20
    assert search(Purpose.SCHEDULE) == 28 - 20
    assert search(Purpose.MANUAL) == 2, "what is reserved for people"
    assert refusals(youtube) == 0, "YouTube refused no search"


def test_a_database_that_is_restored_while_it_runs(youtube: Simulator) -> None:
    """As by pg_restore, without a start."""
    search(Purpose.MANUAL, times=20)
    QuotaSpend.objects.all().delete()
    assert search(Purpose.SCHEDULE) == 28 - 20


@pytest.mark.parametrize("start", [True, False], ids=["a start", "restored while it runs"])
def test_a_project_that_had_another_name_at_the_backup(youtube: Simulator, use_keys: UseKeys, start: bool) -> None:
    """A bare key is a project of its own until a refusal names its project."""
    (key,) = use_keys("one")
    search(Purpose.MANUAL, times=5)
    backup = list(QuotaSpend.objects.values("project", "day", "bucket", "used"))
    keys.record_consumer(key, "projects/123")
    assert search(Purpose.MANUAL) == LIMIT - 5

    ApiKey.objects.update(consumer="", project=key.project)
    QuotaSpend.objects.all().delete()
    QuotaSpend.objects.create(**backup[0])
    if start:
        call_command("migrate", verbosity=0)
    assert search(Purpose.MANUAL) == 0
    assert refusals(youtube) == 0, "YouTube refused no search"


def test_on_another_machine_what_was_used_is_unknown(youtube: Simulator, file: Path) -> None:
    """Scheduled fetches go on at the rate of the plan, and YouTube has the last word."""
    search(Purpose.MANUAL, times=20)
    file.unlink()
    restore(backup=5)

    assert used("birds") == 14, "half of what scheduled fetches may use in a day"
    assert report.scheduled_searches().left == 29 - 14
    assert search(Purpose.SCHEDULE) == LIMIT - 20
    assert QuotaSpend.objects.get().refused_at == NOON
    assert refusals(youtube) == 1


def test_a_second_start_assumes_no_more(file: Path, clock: time_machine.Traveller) -> None:
    reserve(1)
    file.unlink()
    for hours in (0, 6):
        clock.move_to(NOON + timedelta(hours=hours))
        call_command("migrate", verbosity=0)
        assert used("birds") == 14


@pytest.mark.parametrize("backup", [0, 25])
def test_a_start_changes_nothing_otherwise(backup: int) -> None:
    reserve(backup)
    call_command("migrate", verbosity=0)
    assert used("birds") == backup


def test_a_new_database_knows_that_nothing_was_used() -> None:
    call_command("migrate", verbosity=0)
    assert not QuotaSpend.objects.exists()


def test_yesterday_does_not_count(clock: time_machine.Traveller) -> None:
    reserve(20)
    clock.move_to(NOON + timedelta(days=1))
    restore(backup=0)
    assert used("birds") == 0
    reserve(1)
    assert used("birds") == 1


def test_units_are_not_searches() -> None:
    reserve(20)
    ledger.reserve("birds", "general", Purpose.SCHEDULE)
    assert used("birds", "general") == 1


IMPLAUSIBLE = ["Infinity", "-Infinity", "NaN", "1e400", "-3", "2.5", "true", "[7]", '"7"', str(10**30), "9" * 5000]


def test_a_damaged_file_counts_as_missing(file: Path) -> None:
    """As after a power cut: that nothing was searched would be the worst guess."""
    reserve(20)
    file.write_text("")
    restore(backup=5)
    assert used("birds") == 14


def test_a_damaged_file_is_written_again(file: Path) -> None:
    of_today = '{"day": "2026-11-22", "used": %s}'
    damaged = [
        "",
        "\0\0",
        "{",
        "[]",
        "null",
        of_today % "[]",
        of_today % '{"birds": "x"}',
        of_today % '{"birds": null}',
        *(of_today % f'{{"birds": {number}}}' for number in IMPLAUSIBLE),
        "[" * 100_000,
    ]
    for content in [*(text.encode() for text in damaged), b"\xff\xfe"]:
        file.write_bytes(content)
        QuotaSpend.objects.all().delete()
        reserve(2)
        QuotaSpend.objects.all().delete()
        ledger.recall(["birds"])
        assert used("birds") == 2, content


def test_a_full_disk_keeps_the_numbers(file: Path) -> None:
    """With the file's size limited, as with a disk that is full, a process can write what it has, but no more."""
    reserve(20)
    before = file.read_text()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        searches_file.note(["birds"], date(2026, 11, 22), 21)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)
    assert file.read_text() == before


def test_a_file_that_cannot_be_written_prevents_no_search(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.mkdir()
    try:
        reserve(1)
    finally:
        file.rmdir()
    assert "searches.json cannot be written" in caplog.text
