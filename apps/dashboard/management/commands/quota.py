"""The quota page, for a terminal."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from wcwidth import clip, ljust, rjust, width

from apps.dashboard.plan_words import about, why
from apps.dashboard.templatetags.times import from_now, roughly
from apps.quota.balance import BucketBalance
from apps.quota.models import ApiKey
from apps.videos import outlook
from apps.videos.models import KeyWordEntry
from apps.videos.outlook import Outlook

# A keyword may have 500 characters; so many columns of it tell it from others.
KEYWORD_WIDTH = 40


class Command(BaseCommand):
    help = "Show what is left of today's searches, how they are planned, and in what state the keys are."

    def handle(self, *args: Any, **options: Any) -> None:
        today = outlook.today()
        projects = [
            [project.project, *_bucket(project.search), *_bucket(project.general)] for project in today.balance.projects
        ]
        keys = [_key(key) for project in today.balance.projects for key in project.keys]
        plan = [_keyword(entry) for entry in today.plan]
        lines = [
            *_summary(today),
            *_table(["project", "searches", "left", "units", "left"], projects, figures={1, 2, 3, 4}),
            *_table(["key", "fingerprint", "state", "why"], keys),
            *_table(
                ["keyword", "new videos a day", "searches a day", "every", "found after", "next fetch", "why"],
                plan,
                figures={1, 2},
            ),
        ]
        self.stdout.write("\n".join(lines))


def _table(header: list[str], rows: list[list[str]], figures: Collection[int] = ()) -> list[str]:
    """Return the lines of a table, after an empty one; columns that hold `figures` are aligned to the right."""
    if not rows:
        return []
    lines = [header, *rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return [
        "",
        *(
            "  ".join((rjust if n in figures else ljust)(cell, widths[n]) for n, cell in enumerate(line)).rstrip()
            for line in lines
        ),
    ]


def _summary(today: Outlook) -> list[str]:
    left = roughly(round((today.balance.resets_at - timezone.now()).total_seconds()))
    lines = [f"The day ends in {left}, at {_clock(today.balance.resets_at)} (00:00 Pacific)."]
    if not today.scheduled.a_day:
        lines.append("There is no key that may be used, so YouTube is not asked.")
        invidious = f"Invidious is asked every {roughly(today.mean_interval)}."
        return [*lines, invidious] if today.pace else lines
    lines.append(f"Left for schedules: {today.scheduled.left:,} of {today.scheduled.a_day:,} searches.")
    if today.pace:
        pace = f"One search every {roughly(today.mean_interval)}"
        if not today.scheduled.left:
            lines.append(f"{pace}, from the reset on.")
        elif today.ends_at:
            lines.append(f"{pace}: at this pace they last until {_clock(today.ends_at)}.")
        else:
            lines.append(f"{pace}: they last until the reset.")
    return lines


def _bucket(bucket: BucketBalance) -> list[str]:
    refused = " (refused)" if bucket.refused_at else ""
    return [f"{bucket.spent:,} of {bucket.limit:,}", f"{bucket.left:,}{refused}"]


def _key(key: ApiKey) -> list[str]:
    return [key.label, key.short_fingerprint, key.get_state_display(), key.reason]


def _keyword(entry: KeyWordEntry) -> list[str]:
    return [
        _cut(entry.keyword),
        about(entry.rate) if entry.searched_through else "not known yet",
        about(entry.searches_a_day),
        roughly(entry.planned_interval),
        roughly(entry.expected_delay),
        "due now" if entry.is_due() or not entry.next_due_at else from_now(entry.next_due_at, timezone.now()),
        why(entry),
    ]


def _clock(when: datetime) -> str:
    return f"{when.astimezone(UTC):%H:%M} UTC"


def _cut(keyword: str) -> str:
    return keyword if width(keyword) <= KEYWORD_WIDTH else clip(keyword, 0, KEYWORD_WIDTH - 1) + "…"
