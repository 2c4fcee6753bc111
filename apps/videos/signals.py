"""What happens after a change of keywords, rules or keys is committed, and after a migration.

Errors are logged; the change itself is kept. A plan is requested for the other keywords, or for all of them if many
were changed.
"""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.videos import fulltext_index, tasks
from apps.videos.fetching import failing, refused
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat


def on_keywords_changed(keyword_ids: Collection[int], **kwargs: Any) -> None:
    """Schedule or unschedule the keywords, fetch those that are due, and erase those that were deleted."""

    def after_commit() -> None:
        if len(keyword_ids) <= beat.CHUNK:
            beat.sync(keyword_ids)
        refused.sync_incidents()
        failing.close_incidents()
        changed = KeyWordEntry.including_deleted.filter(pk__in=keyword_ids)
        # The first of many; beat sends the others within seconds.
        for entry in changed.overdue(timezone.now())[: beat.CHUNK]:
            tasks.send(tasks.process_trigger, entry.pk, trigger=entry.next_trigger)
        if changed.erasable().exists():
            tasks.send(tasks.erase_deleted)
        beat.request_plan()

    transaction.on_commit(after_commit, robust=True)


def on_keys_changed(**kwargs: Any) -> None:
    """Plan again, since there are more or fewer searches."""
    transaction.on_commit(beat.request_plan, robust=True)


def on_rules_changed(**kwargs: Any) -> None:
    """Apply the rules to what is stored."""
    transaction.on_commit(lambda: tasks.send(tasks.apply_rules), robust=True)


def on_migrated(using: str, **kwargs: Any) -> None:
    """Create or repair the full text index: SQLite drops its triggers if a migration rebuilds the table of videos."""
    fulltext_index.ensure(using)
