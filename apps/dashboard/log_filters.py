"""The filters above the fetch log, and runs of fetches that found nothing new."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django import forms
from django.http import HttpRequest

from apps.dashboard.filters import FilterForm, Select
from apps.videos.filters import LogFilters
from apps.videos.models import VideoLog

# Shorter runs are shown as they are.
SHORTEST_RUN = 3


class LogFilterForm(FilterForm):
    keyword = forms.CharField(required=False, label="Keyword", widget=forms.TextInput(attrs={"dir": "auto"}))
    status = Select({"": "any", **dict(VideoLog.Status.choices)}, label="Status")
    trigger = Select({"": "any", **dict(VideoLog.Trigger.choices)}, label="Trigger")

    def __init__(self, request: HttpRequest, logs: Any, *, of_keyword: bool = False) -> None:
        super().__init__(request, leave_out=["keyword"] if of_keyword else [])
        self.filters = LogFilters(self.given, logs)


@dataclass(frozen=True, slots=True)
class Run:
    """Fetches in a row that found nothing new: `first` began earliest."""

    number: int
    first: datetime
    last: datetime


def folded(fetches: Iterable[VideoLog]) -> list[VideoLog | Run]:
    """Return `fetches`, newest first, with a Run instead of each row of fetches that found nothing new."""
    rows: list[VideoLog | Run] = []
    for quiet, group in groupby(fetches, found_nothing_new):
        logs = list(group)
        if quiet and len(logs) >= SHORTEST_RUN:
            rows.append(Run(len(logs), first=logs[-1].created_at, last=logs[0].created_at))
        else:
            rows.extend(logs)
    return rows


def found_nothing_new(fetch: VideoLog) -> bool:
    return fetch.status == VideoLog.Status.DONE and not fetch.number_added and not fetch.error
