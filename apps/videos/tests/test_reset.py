"""After the search limit, fetching resumes at midnight in California, on days of any length."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.conftest import MovableTime
from apps.incidents.models import Incident
from apps.videos import tasks
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat
from simulator.server import Simulator


@pytest.mark.parametrize(
    ("used_up_at", "reset"),
    [
        pytest.param("2026-03-07T20:00Z", "2026-03-08T08:00Z", id="before a day of 23 hours"),
        pytest.param("2026-03-08T20:00Z", "2026-03-09T07:00Z", id="in a day of 23 hours"),
        pytest.param("2026-07-01T20:00Z", "2026-07-02T07:00Z", id="summer"),
        pytest.param("2026-11-01T07:30Z", "2026-11-02T08:00Z", id="in a day of 25 hours"),
        pytest.param("2026-12-31T20:00Z", "2027-01-01T08:00Z", id="winter"),
    ],
)
def test_fetching_goes_on_by_itself(
    youtube: Simulator, frozen_time: MovableTime, sent: list[tuple], used_up_at: str, reset: str
) -> None:
    midnight = datetime.fromisoformat(reset).astimezone(UTC)
    frozen_time.move_to(datetime.fromisoformat(used_up_at).astimezone(UTC))
    for project in youtube.projects:
        project.limits["search"] = 2
    entries = [KeyWordEntry.objects.create(keyword=word) for word in ("python", "rust", "climate", "football")]
    beat.sync()
    for _ in range(2):
        frozen_time.move(hours=1)
        work(sent)
    searches = youtube.stats.requests("/youtube/v3/search")
    waiting = VideoLog.objects.filter(status="waiting")
    assert set(waiting.values_list("waiting_until", flat=True)) == {midnight}
    assert Incident.objects.open().get().until == midnight

    # No call is made before, and each waiting keyword logs it once.
    frozen_time.move_to(midnight - timedelta(seconds=1))
    work(sent)
    work(sent)
    assert waiting.count() == len(entries)
    assert youtube.stats.requests("/youtube/v3/search") == searches

    for project in youtube.projects:
        project.limits["search"] = 100
    frozen_time.move_to(midnight + timedelta(minutes=2))
    work(sent)
    for entry in entries:
        assert entry.logs.filter(status="done", created_at__gte=midnight).exists()
    assert not Incident.objects.open().exists()


def work(sent: list[tuple]) -> None:
    """Run what the chore enqueues, as a worker would."""
    tasks.catch_up()
    for _, arguments, named in list(sent):
        tasks.process_trigger(*arguments, **named)
    sent.clear()
