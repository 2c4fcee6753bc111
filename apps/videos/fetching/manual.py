"""Manual fetches: what "Fetch now" and a preview do."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.quota import pacific
from apps.quota.report import scheduled_searches
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling.plan import AddingCost, cost_of_adding
from apps.videos.tasks import process_trigger, send

# A preview is shown after so many seconds even if the search is not over.
PREVIEW_SECONDS = 5

# A keyword that is previewed again within this time is not searched again.
PREVIEW_LASTS = timedelta(hours=1)


def fetch_now(entry: KeyWordEntry, trigger: VideoLog.Trigger = VideoLog.Trigger.MANUAL) -> VideoLog:
    """Enqueue a fetch and return its log; if one is already running or waiting, return that one's.

    Raises KeyWordEntry.DoesNotExist if the keyword has been deleted.
    """
    with transaction.atomic():
        # Locked, so that of two simultaneous requests the second sees the log of the first.
        if not KeyWordEntry.objects.filter(pk=entry.pk).lock():
            raise KeyWordEntry.DoesNotExist("This keyword has been deleted.")
        # Sorted here: to sort them, the database would read all the keyword's logs in order.
        logs = entry.logs.under_way(timezone.now())
        under_way = max(logs, key=lambda log: log.created_at, default=None)
        log = under_way or VideoLog.objects.create(
            keyword=entry,
            keyword_text=entry.keyword,
            trigger=trigger,
            status=VideoLog.Status.WAITING,
            message="Not started yet.",
        )
        # One that waits for the end of a pause is tried now: searches may be available again.
        if log.waiting_until or not under_way:
            transaction.on_commit(lambda: send(process_trigger, entry.pk, trigger=log.trigger, log_id=log.pk))
    return log


@dataclass(frozen=True, slots=True)
class FetchCost:
    """What a manual fetch would use: one of `searches`, those that are left today; 0 if it uses none of YouTube's.

    `uses_reserve`: only those are left that are kept for manual and first fetches. `waits_until`: none is left, so it
    waits. `resets_at`: when there are new ones.
    """

    searches: int
    uses_reserve: bool
    waits_until: datetime | None
    resets_at: datetime


def cost_of_fetching() -> FetchCost:
    """Return what fetching a keyword now would use; two queries."""
    searches, resets_at = scheduled_searches(), pacific.next_reset(timezone.now())
    waits = searches.per_day > 0 and not searches.unused and not settings.INVIDIOUS_URL
    return FetchCost(
        searches=searches.unused,
        uses_reserve=searches.used_up and searches.unused > 0,
        waits_until=resets_at if waits else None,
        resets_at=resets_at,
    )


def preview_waits_until(text: str) -> datetime | None:
    """Return when there are searches for the preview of a new keyword again, if none is left; up to three queries."""
    until = cost_of_fetching().waits_until
    return until if until and KeyWordEntry.objects.find(text) is None else None


def preview(text: str) -> tuple[KeyWordEntry, VideoLog | None]:
    """Search once for a keyword, without watching it; return its entry and its last fetch, which may be under way.

    A keyword that was added is not searched, nor is one that was previewed within PREVIEW_LASTS. Raises
    ValidationError.
    """
    entry, _ = KeyWordEntry.objects.watch(text, state=KeyWordEntry.State.PREVIEWED)
    last = entry.logs.newest_first().first()
    recent = last and last.status == VideoLog.Status.DONE and last.created_at > timezone.now() - PREVIEW_LASTS
    if entry.state != KeyWordEntry.State.PREVIEWED or recent:
        return entry, last
    return entry, fetch_now(entry, VideoLog.Trigger.PREVIEW)


def videos_per_day(entry: KeyWordEntry) -> float | None:
    """Return the estimated number of new videos per day; None if YouTube was not searched for the keyword yet."""
    return entry.rate if entry.searched_through else None


def cost_of_watching(entry: KeyWordEntry) -> AddingCost | None:
    """Return how watching a previewed keyword would slow down the others; None if it was added before, or if nothing
    can be searched."""
    return cost_of_adding(entry.rate) if entry.state == KeyWordEntry.State.PREVIEWED else None


def wait_for(log: VideoLog, seconds: float) -> None:
    """Reload `log` until the fetch is over, but no longer than `seconds`."""
    deadline = time.monotonic() + seconds
    log.refresh_from_db()
    while log.is_under_way and time.monotonic() < deadline:
        time.sleep(0.1)
        log.refresh_from_db()
