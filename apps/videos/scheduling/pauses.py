"""When keywords wait for searches, and when they resume."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys, ledger, pacific
from apps.quota.report import ScheduledSearches, scheduled_searches
from apps.videos.models import SPREAD, KeyWordEntry, Pause, VideoLog

# In the last hour of a day, keywords without a search left wait for the reset without an incident.
LAST_HOUR = timedelta(hours=1)

# First fetches may use this share of today's unused searches, or this number, while each is for one keyword.
FIRST_SHARE = 0.25
FEW_FIRST = 5


def current() -> Incident | None:
    """Return the incident of a used-up search quota, if one is open."""
    return Incident.objects.open().filter(kind=Incident.Kind.SEARCHES_USED_UP).first()


def present(incident: Incident | None, searches: ScheduledSearches | None = None) -> Pause | None:
    """Return the pause of scheduled searches, if today's are used up; None while keywords can be searched.

    `incident` is current(). It may last although searches are left again: those by which the manual reserve has shrunk.
    Two queries unless `searches` are given, and one while there is a pause.
    """
    if settings.INVIDIOUS_URL:
        return None
    searches = searches or scheduled_searches()
    until = incident.until if incident else pacific.next_reset(timezone.now()) if searches.used_up else None
    return Pause(until, not searches.unused or many_are_new(searches)) if until else None


def many_are_new(searches: ScheduledSearches | None = None) -> bool:
    """Return whether first fetches are too many to be made one by one. One query, and two unless `searches` are given.

    Then they are shared like scheduled ones, and leave to manual fetches what is reserved.
    """
    searches = searches or scheduled_searches()
    return searches.unused > 0 and KeyWordEntry.objects.never_searched().count() > most_alone(searches.unused)


def most_alone(unused: int) -> float:
    """Return how many first fetches may be made one by one while so many searches are unused today."""
    return max(FEW_FIRST, unused * FIRST_SHARE)


def waits_for_key(searches: ScheduledSearches) -> bool:
    """Return whether nothing is searched before a person adds or repairs a key."""
    return not settings.INVIDIOUS_URL and not searches.limit


def is_waiting(entry: KeyWordEntry, pause: Incident | None) -> bool:
    """Return whether the keyword was postponed to just after the end of `pause`."""
    if pause is None or pause.until is None or entry.next_due_at is None:
        return False
    return pause.until <= entry.next_due_at <= pause.until + SPREAD


def resume_waiting() -> None:
    """Let waiting keywords resume now if searches are available after all: a person added or repaired a key.

    Which keywords wait for the reset, a cooldown or a person is known from their last log.
    """
    now = timezone.now()
    waits = Q(last_log_status=VideoLog.Status.WAITING) | Q(last_log_error_code__in=VideoLog.NEEDS_PERSON)
    waiting = KeyWordEntry.objects.scheduled().with_last_log().filter(waits, next_due_at__gt=now)
    manual = VideoLog.objects.filter(
        status=VideoLog.Status.WAITING, trigger=VideoLog.Trigger.MANUAL, waiting_until__gt=now
    )
    pause = current()
    if not (pause or waiting.exists() or manual.exists()):
        return
    # With the manual reserve as it was when the pause began: the few searches by which it shrinks do not end a pause.
    began_at = pause.opened_at if pause else now
    projects = {key.project for key, _ in keys.usable()}
    has_searches = any(
        ledger.has_quota_left(project, "search", ledger.Purpose.SCHEDULE, at=began_at) for project in projects
    )
    blocked = Incident.objects.not_ended(Incident.Kind.INVIDIOUS_BLOCKED).exists()
    if has_searches or (settings.INVIDIOUS_URL and not blocked):
        with transaction.atomic():
            entries = KeyWordEntry.objects.filter(pk__in=list(waiting.values_list("pk", flat=True)))
            entries.lock()
            entries.update(next_due_at=now)
            manual.update(waiting_until=now)
    if has_searches:
        incidents.close(Incident.Kind.SEARCHES_USED_UP)


def defer_until_reset() -> None:
    """In the last hour of a day, postpone the keywords for which no search is left until after the reset.

    This is not an incident: the day was planned to end like this.
    """
    now = timezone.now()
    reset = pacific.next_reset(now)
    if settings.INVIDIOUS_URL or reset - now > LAST_HOUR:
        return
    with transaction.atomic():
        searches = scheduled_searches()
        due = KeyWordEntry.objects.scheduled().filter(next_due_at__lt=reset).exclude(last_fetched_at=None).lock()
        late, made = [], set[tuple[str, int]]()
        for entry in sorted(due, key=lambda entry: (entry.next_due_at, entry.pk)) if searches.per_day else []:
            search = ("group", entry.group_id) if entry.group_id else ("keyword", entry.pk)
            if search in made or len(made) < searches.left:
                made.add(search)
            else:
                entry.next_due_at = entry.after_pause(reset)
                late.append(entry)
        KeyWordEntry.objects.bulk_update(late, ["next_due_at"], batch_size=200)
