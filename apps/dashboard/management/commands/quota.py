"""The quota page for a terminal."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from wcwidth import clip, width

from apps.dashboard.plan_text import about, at_most, audited, reason, search_rate, together
from apps.dashboard.terminal import table
from apps.dashboard.times import from_now, roughly
from apps.quota.models import ApiKey
from apps.quota.report import BucketReport
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import report
from apps.videos.scheduling.report import SchedulingReport

# A keyword can have 500 characters; the first ones are enough to recognize it.
KEYWORD_WIDTH = 40


class Command(BaseCommand):
    help = "Show today's quota, the plan of searches, and the state of the keys."

    def handle(self, *args: Any, **options: Any) -> None:
        today = report.today()
        projects = [
            [project.project, *_bucket(project.search), *_bucket(project.general)] for project in today.quota.projects
        ]
        keys = [_key(key) for project in today.quota.projects for key in project.keys]
        plan = [_keyword(entry, today) for entry in today.plan]
        lines = [
            *_summary(today),
            *_table(["project", "searches", "left", "units", "left"], projects, figures={1, 2, 3, 4}),
            *_table(["key", "fingerprint", "state", "reason"], keys),
            *_table(
                ["keyword", "new videos per day", "until the reset", "every", "average delay", "next fetch", "reason"],
                plan,
                figures={1, 2},
            ),
        ]
        self.stdout.write("\n".join(lines))


def _table(*given: Any, **figures: Any) -> list[str]:
    return ["", *lines] if (lines := table(*given, **figures)) else []


def _summary(today: SchedulingReport) -> list[str]:
    left = roughly(round((today.quota.resets_at - timezone.now()).total_seconds()))
    lines = [f"The quota resets in {left}, at {_clock(today.quota.resets_at)} (00:00 Pacific)."]
    if today.lasts == "no_key":
        lines.append("No usable key: YouTube is not searched.")
        if today.search_rate:
            lines.append(f"Invidious is searched every {roughly(today.mean_interval)}.")
        return lines
    lines.append(f"Scheduled searches left: {today.scheduled.left:,} of {today.scheduled.per_day:,}.")
    if today.lasts == "used_up":
        lines.append("Lasts: used up until the reset.")
    elif today.search_rate:
        lasts = {
            "ends": f"until {today.ends_at and _clock(today.ends_at)} at this rate",
            "until_reset": "until the reset",
        }
        lines.append(f"Search rate: {search_rate(today.mean_interval)}.")
        lines.append(f"Lasts: {lasts[today.lasts]}.")
    return lines


def _bucket(bucket: BucketReport) -> list[str]:
    refused = " (YouTube reported the limit reached)" if bucket.refused_at else ""
    return [f"{bucket.used:,} of {bucket.limit:,}", f"{bucket.left:,}{refused}"]


def _key(key: ApiKey) -> list[str]:
    return [key.label, key.short_fingerprint, key.get_state_display(), key.reason]


def _keyword(entry: KeyWordEntry, today: SchedulingReport) -> list[str]:
    return [
        _cut(entry.keyword),
        about(entry.rate) if entry.searched_through else "not known yet",
        at_most(today.planned_of(entry)),
        roughly(entry.planned_interval) if entry.planned_interval else "not planned yet",
        roughly(entry.expected_delay) if entry.expected_delay is not None else "",
        _next(entry, today),
        "; ".join(filter(None, [reason(entry), together(entry), audited(entry)])),
    ]


def _next(entry: KeyWordEntry, today: SchedulingReport) -> str:
    if today.waits_for_key:
        return "waits for a usable key"
    if today.pause and entry.waits(today.pause):
        return f"waits until {_clock(today.pause.until)}"
    return from_now(entry.next_fetch_at, timezone.now()) if entry.next_fetch_at and not entry.is_due() else "due now"


def _clock(when: datetime) -> str:
    return f"{when.astimezone(UTC):%H:%M} UTC"


def _cut(keyword: str) -> str:
    return keyword if width(keyword) <= KEYWORD_WIDTH else clip(keyword, 0, KEYWORD_WIDTH - 1) + "…"
