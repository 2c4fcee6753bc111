"""manage.py doctor tries each part, and says what to do about what does not work."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.management import call_command
from django.utils import timezone

from apps.dashboard import doctor
from apps.incidents.models import Heartbeat
from apps.quota import keys
from apps.quota.models import ApiKey
from simulator.server import Simulator

pytestmark = pytest.mark.django_db

BASE_DIR = Path(__file__).resolve().parents[3]


@pytest.fixture
def running(youtube: Simulator, settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A system that works, as far as tests have its parts; what its workers say of their time."""
    settings.INVIDIOUS_URL = youtube.invidious_url
    settings.NOTIFY_URLS = "json://localhost"
    settings.STATE_DIR.chmod(0o700)
    Heartbeat.objects.create(part="beat", beat_at=timezone.now())
    workers = {"celery@here": timezone.now().timestamp()}
    monkeypatch.setattr(current_app.control, "broadcast", lambda *_, **__: [workers] if workers else [])
    monkeypatch.setitem(doctor.CHECKS, "broker", (lambda: iter([("OK", "answers")]), ""))
    return workers


def found() -> dict[str, tuple[str, str]]:
    """Return what was found about each part: the last line, if it has several."""
    return {finding.part: (finding.level, finding.text) for finding in doctor.examine()}


def test_it_works(running: Any, youtube: Simulator) -> None:
    output = StringIO()
    call_command("doctor", stdout=output)
    lines = output.getvalue().splitlines()
    assert [line for line in lines if not line.startswith("OK ")] == []
    assert list(dict.fromkeys(line[6:19].strip() for line in lines)) == list(doctor.CHECKS)
    assert youtube.stats.requests("/youtube/v3/search") == 0


def of_worker(workers: dict[str, float]) -> None:
    workers.clear()


def of_its_clock(workers: dict[str, float]) -> None:
    workers["celery@here"] -= 600


def of_beat(workers: dict[str, float]) -> None:
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=3))


def of_a_key(workers: dict[str, float]) -> None:
    keys.refuse(ApiKey.objects.get(position=1), "API key not valid")


def of_all_keys(workers: dict[str, float]) -> None:
    keys.suspend("two", "suspended")


@pytest.mark.parametrize(
    ("problem", "part", "level", "text"),
    [
        (of_worker, "worker", "FAIL", "no worker answers: start bin/run, or the service if it is one"),
        (of_its_clock, "worker", "FAIL", "our clock is 10 min ahead of that of celery@here: synchronize both with NTP"),
        (of_beat, "beat", "FAIL", "it was last seen 180 s ago: start bin/run, or the service if it is one"),
        (of_a_key, "API keys", "WARN", "refused (API key not valid): fix it in Google Cloud, then try it again"),
        (of_all_keys, "API keys", "FAIL", "project suspended (suspended): fix it in Google Cloud"),
    ],
)
def test_it_says_what_to_do(
    running: dict[str, float], problem: Callable[[dict[str, float]], None], part: str, level: str, text: str
) -> None:
    problem(running)
    assert found()[part][0] == level
    assert text in found()[part][1]


def test_youtubes_clock_differs(running: Any, youtube: Simulator, frozen_time: Any) -> None:
    youtube.clock.set(timezone.now() + timedelta(hours=1))
    assert found()["YouTube"] == (
        "FAIL",
        "our clock is 60 min behind that of YouTube: synchronize both with NTP",
    )


def test_a_part_that_hangs_does_not_hold_it(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor if a library catches what ends the wait."""

    def hang() -> Iterator[Any]:
        with suppress(OSError):
            time.sleep(60)
        yield "OK", "after a minute"

    monkeypatch.setattr(doctor, "SECONDS", 0.05)
    monkeypatch.setattr(doctor, "CHECKS", {"broker": (hang, ""), "worker": (hang, "broker")})
    assert found() == {
        "broker": ("FAIL", "does not answer within 0.05 s"),
        "worker": ("WARN", "not tried, because of the broker"),
    }


def test_nothing_works(tmp_path: Path) -> None:
    """There is neither a traceback nor a secret."""
    (tmp_path / "windhover.sqlite3").write_bytes(bytes(range(256)) * 64)
    tmp_path.chmod(0o755)
    nowhere = "127.0.0.1:9"
    variables = {
        "WINDHOVER_ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STATE_DIR": str(tmp_path),
        "REDIS_URL": f"redis://:open-sesame@{nowhere}/0",
        "YT_KEYS": "open-sesame",
        "YOUTUBE_API_URL": f"http://{nowhere}",
        "INVIDIOUS_URL": f"http://{nowhere}",
        "NOTIFY_URLS": "nonsense://open-sesame",
    }
    command = [sys.executable, "manage.py", "doctor"]
    run = subprocess.run(
        command, cwd=BASE_DIR, env=os.environ | variables, timeout=60, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (1, "")
    assert "open-sesame" not in run.stdout
    levels = {line[6:19].strip(): line[:4].strip() for line in run.stdout.splitlines()}
    failing = {name for name, level in levels.items() if level == "FAIL"}
    assert failing == {"database", "broker", "static files", "YouTube", "notifications"}
    assert {name for name, level in levels.items() if level == "OK"} == {"settings", "disk"}
    assert "file is not a database: restore a backup" in run.stdout
