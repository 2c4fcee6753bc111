"""The metrics that /metrics shows, read from the database when they are asked for; some twenty short queries."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.incidents import parts
from apps.incidents.models import Incident
from apps.quota import report
from apps.videos import statistics, tasks
from apps.videos.fetching import refreshing
from apps.videos.models import KeyWordEntry, VideoLog, VideoTotal

# Fetches are counted over this time.
LATELY: Final = timedelta(hours=1)

# The delay is that of the last videos found within so many days.
DELAY_DAYS: Final = 7


class Metrics(Collector):
    """Collects all metrics."""

    def collect(self) -> Iterator[Metric]:
        yield _gauge("windhover_info", "The version of Windhover.", ["version"], {(settings.VERSION,): 1})
        yield from _of_parts()
        yield from _of_quota()
        yield from _of_fetches()
        yield from _of_videos()


def _of_parts() -> Iterator[Metric]:
    health = parts.health()
    yield _gauge(
        "windhover_part_up", "Whether a part works.", ["part"], {(name,): part.ok for name, part in health.items()}
    )
    opened = Counter(Incident.objects.open().values_list("kind", flat=True))
    yield _gauge(
        "windhover_problems", "Open problems.", ["kind"], {(kind,): opened[kind] for kind in Incident.Kind.values}
    )
    with suppress(OSError):
        free = shutil.disk_usage(settings.STATE_DIR).free
        yield _gauge("windhover_disk_free_bytes", "Free space for the state folder.", [], {(): free})
    broker = health.get("broker")
    # Without waiting for one that hangs.
    waiting = tasks.queue_length() if broker is None or broker.age <= 2 * parts.CHECK_SECONDS else None
    if waiting is not None:
        yield _gauge("windhover_queue_length", "Messages that wait for a worker.", [], {(): waiting})


def _of_quota() -> Iterator[Metric]:
    today = report.today()
    for name, bucket in (("searches", "search"), ("units", "general")):
        buckets = {(project.project,): getattr(project, bucket) for project in today.projects}
        used = {project: each.used for project, each in buckets.items()}
        yield _gauge(f"windhover_{name}_used", f"Used today: {name} of a project.", ["project"], used)
        left = {project: each.left for project, each in buckets.items()}
        yield _gauge(f"windhover_{name}_left", f"Left today: {name} of a project.", ["project"], left)
    resets_at = {(): today.resets_at.timestamp()}
    yield _gauge("windhover_quota_reset_timestamp_seconds", "When today's quota is reset.", [], resets_at)


def _of_fetches() -> Iterator[Metric]:
    now = timezone.now()
    recent = VideoLog.objects.filter(created_at__gte=now - LATELY).values_list("status", "method")
    yield _gauge(
        "windhover_fetches",
        "Fetches of the last hour.",
        ["status", "method"],
        {(status, method or "none"): number for (status, method), number in Counter(recent).items()},
    )
    overdue = KeyWordEntry.objects.overdue(now)
    first = overdue.first()
    late = (now - first.next_due_at).total_seconds() if first and first.next_due_at else 0
    yield _gauge(
        "windhover_overdue_keywords", "Keywords whose fetch is due and has not begun.", [], {(): overdue.count()}
    )
    yield _gauge("windhover_most_overdue_seconds", "How late the latest of them is.", [], {(): late})


def _of_videos() -> Iterator[Metric]:
    states = KeyWordEntry.objects.count_by_state()
    numbers = {(name,): getattr(states, name) for name in ("watched", "failing", "waiting", "paused", "previewed")}
    yield _gauge("windhover_keywords", "Keywords; failing and waiting ones are watched, too.", ["state"], numbers)
    total = VideoTotal.read()
    yield _gauge("windhover_videos", "Stored videos.", [], {(): total.count})
    yield _gauge("windhover_videos_hidden", "Stored videos that are hidden.", [], {(): total.hidden_count})
    if delay := statistics.newest_of_all(DELAY_DAYS).delay:
        yield _gauge(
            "windhover_discovery_delay_seconds",
            "From a video's publication until it was found, of the last videos found.",
            ["quantile"],
            {("0.5",): delay.median, ("0.95",): delay.p95},
        )
        yield _gauge(
            "windhover_found_within_hour_ratio",
            "The share of these videos that was found within an hour.",
            [],
            {(): delay.within_1h},
        )
    stored = refreshing.report()
    yield _gauge("windhover_videos_to_refresh", "Videos whose data is due, up to 1,000.", [], {(): stored.due})
    if stored.oldest_at:
        age = (timezone.now() - stored.oldest_at).total_seconds()
        yield _gauge("windhover_oldest_data_seconds", "The age of the oldest data of a video.", [], {(): age})


def _gauge(name: str, documentation: str, labels: list[str], values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family
