"""GET /healthz/ and GET /metrics."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from apps.incidents import incidents, parts
from apps.incidents.models import Incident
from apps.incidents.parts import UNRESPONSIVE_SECONDS, Watcher
from apps.quota import keys, ledger
from apps.videos.models import ApiToken, KeyWordEntry, Video
from apps.videos.tests.builders import fetched_keyword

pytestmark = pytest.mark.django_db

DOCS = Path(django_settings.BASE_DIR, "docs")


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """One that sees no problem, in this process."""
    watcher = Watcher()
    monkeypatch.setattr(parts, "_watcher", watcher)
    monkeypatch.setattr(watcher, "_problems", lambda: iter(()))
    return watcher


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.videos.tasks.queue_length", lambda: 3)


def pass_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    started = parts.time.monotonic()
    monkeypatch.setattr(parts.time, "monotonic", lambda: started + seconds)


def metrics(client: Client) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values of each metric by the values of its labels, in the order of their names."""
    response = client.get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families
    }


def test_all_parts_work(client: Client, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    pass_seconds(monkeypatch, 0)
    watcher.check()
    response = client.get("/healthz/")
    assert response.status_code == 200
    part = {"ok": True, "age": 0, "detail": ""}
    names = ("database", "broker", "worker", "beat", "disk")
    assert response.json() == {"status": "success", "parts": dict.fromkeys(names, part)}


def test_a_part_is_gone(client: Client, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "_problems", lambda: iter([(Incident.Kind.WORKER_STOPPED, "A secret path.")]))
    watcher._last_heartbeat = (None, parts.time.monotonic() + UNRESPONSIVE_SECONDS)
    assert client.get("/healthz/").status_code == 200, "a restart takes less than a minute"
    pass_seconds(monkeypatch, UNRESPONSIVE_SECONDS)
    watcher.check()
    response = client.get("/healthz/")
    assert response.status_code == 503
    body = response.json()
    assert body["detail"] == "Worker not responding."
    assert body["parts"].pop("worker") == {"ok": False, "age": 60, "detail": "Worker not responding"}
    assert all(part["ok"] for part in body["parts"].values())


def test_what_cannot_be_checked_does_not_count_as_working(
    client: Client, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that does not answer holds the check; this still answers, and without a query."""
    pass_seconds(monkeypatch, 61)
    response = client.get("/healthz/")
    assert (response.status_code, {part["age"] for part in response.json()["parts"].values()}) == (503, {61})


def test_health_needs_no_account_and_no_database(
    client: Client, watcher: Watcher, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.SIGN_IN = "all"
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_a_process_that_does_not_watch_is_failing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_watcher", None)
    response = client.get("/healthz/")
    assert (response.status_code, response.json()["parts"]) == (503, {})


def test_metrics(client: Client, watcher: Watcher, queue: None, settings: Any) -> None:
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()
    assert ledger.reserve("birds", "search", ledger.Purpose.MANUAL)
    fetched_keyword("kestrels")
    late = timezone.now() - timedelta(seconds=90)
    KeyWordEntry.objects.update(next_due_at=late, created_at=late)
    incidents.open(Incident.Kind.DISK_FULL, "It is full.")

    shown = metrics(client)
    assert shown["windhover_searches_used"] == {("birds",): 1}
    assert shown["windhover_searches_left"] == {("birds",): 99}
    assert shown["windhover_units_left"] == {("birds",): 10_000}
    assert shown["windhover_videos"] == {(): 1}
    assert shown["windhover_keywords"][("watched",)] == 1
    assert shown["windhover_fetches"] == {("none", "done"): 1}
    assert shown["windhover_problems"][("disk_full",)] == 1
    assert shown["windhover_problems"][("worker_stopped",)] == 0
    assert shown["windhover_overdue_keywords"] == {(): 1}
    assert shown["windhover_most_overdue_seconds"][()] == pytest.approx(90, abs=10)
    assert shown["windhover_queue_length"] == {(): 3}
    assert shown["windhover_part_up"][("beat",)] == 1
    assert "a-secret-key" not in client.get("/metrics").content.decode()


def test_a_scrape_does_not_count_the_videos_of_days(
    client: Client, queue: None, django_assert_max_num_queries: Any
) -> None:
    """At a thousand videos an hour that alone takes a tenth of a second."""
    fetched_keyword("kestrels")
    with django_assert_max_num_queries(17):
        metrics(client)


def test_metrics_without_anything(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.videos.tasks.queue_length", lambda: None)
    shown = metrics(client)
    assert "windhover_queue_length" not in shown
    assert shown["windhover_most_overdue_seconds"] == {(): 0}


def test_metrics_may_need_an_account(client: Client, settings: Any, queue: None, django_user_model: Any) -> None:
    settings.SIGN_IN = "all"
    assert client.get("/metrics").status_code == 401
    _, token = ApiToken.objects.create(user=django_user_model.objects.create_user("prometheus"))
    assert client.get("/metrics", headers={"authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("file", ["grafana.json", "alerts.yml"])
def test_the_dashboard_and_the_alerts_name_metrics_that_exist(
    client: Client, watcher: Watcher, queue: None, settings: Any, file: str
) -> None:
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()
    entry = fetched_keyword("kestrels")
    KeyWordEntry.objects.filter(pk=entry.pk).update(created_at=timezone.now() - timedelta(days=999))
    Video.objects.update(completed_at=timezone.now())
    text = (DOCS / file).read_text()
    if file.endswith("json"):
        json.loads(text)
    named = set(re.findall(r"\bwindhover_[a-z_]+", text))
    assert named
    assert named <= metrics(client).keys()
