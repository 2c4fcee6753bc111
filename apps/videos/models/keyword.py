"""What is watched."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.dispatch import Signal
from django.utils import timezone

from apps.incidents import notify
from apps.incidents.notify import Address
from apps.videos import keywords
from apps.videos.models.log import VideoLog
from apps.videos.models.total import VideoTotal
from apps.videos.scheduling.allocation import DAY
from apps.videos.scheduling.shares import StretchedBy, exceeds, stretched_by
from apps.videos.scheduling.silence import Silence
from core import webhook

# After a pause the keywords resume spread over this time, not all at once.
SPREAD = timedelta(minutes=1)

# Beat's clock and ours drift: its message may come up to a tenth of the interval before the fetch is due, and never
# more than this.
MAX_EARLY = timedelta(seconds=30)

# Keywords that are added together are fetched first one after the other, so that the fetches that are due meanwhile do
# not wait behind them: a few at once, the others at this distance, at which even a small machine keeps up.
AT_ONCE = 4
DISTANCE = timedelta(seconds=0.25)

# A keyword that was only previewed is deleted after this time.
PREVIEW_KEPT = timedelta(days=1)

# How long a deleted keyword may stay as it was, to be restored.
LONGEST_RESTORABLE = timedelta(days=1)

# Sent in the transaction in which keywords were added, changed or deleted, with `keyword_ids`. Bookkeeping through
# update() does not send it.
keywords_changed = Signal()


def check_addresses(text: str) -> None:
    """Raise ValidationError if `text` contains something other than Apprise addresses; it is not repeated."""
    try:
        notify.check(text, "Apprise addresses")
    except ImproperlyConfigured as error:
        raise ValidationError(str(error)) from None


def check_webhook(url: str) -> None:
    if not webhook.is_address(url):
        raise ValidationError("Must be an address that begins with http:// or https://.")


class SearchGroup(models.Model):
    """Keywords that are searched for together; see scheduling/groups.py.

    One whose query YouTube refused stays for a while, without keywords: later queries are shorter.
    """

    created_at = models.DateTimeField(default=timezone.now)
    searched_through = models.DateTimeField(null=True, help_text="Up to when its last search searched.")
    refused_at = models.DateTimeField(null=True, help_text="When YouTube refused its query.")
    refused_length = models.PositiveIntegerField(null=True, help_text="How long that query was.")

    def __str__(self) -> str:
        return f"group {self.pk}"


@dataclass(frozen=True, slots=True)
class StateCounts:
    """How many keywords are in each state. `failing` and `waiting` are among those that are watched."""

    watched: int = 0
    failing: int = 0
    waiting: int = 0
    paused: int = 0
    previewed: int = 0

    @property
    def kept(self) -> int:
        """The number of those that a person has added."""
        return self.watched + self.paused


@dataclass(frozen=True, slots=True)
class Pause:
    """Scheduled searches are used up, and there are new ones at `until`. First fetches may use what is kept for them
    and manual ones, unless it is a pause `of_first_fetches` as well."""

    until: datetime
    of_first_fetches: bool


class KeyWordEntryQuerySet(models.QuerySet["KeyWordEntry"]):
    def find(self, text: str) -> "KeyWordEntry | None":
        """Return the entry for `text`, in any spelling of the same word, or None."""
        try:
            text = keywords.check(text)
        except ValidationError:
            return None
        return self.filter(normalized=keywords.normalize(text)).first()

    def containing(self, text: str) -> Self:
        """Return the entries with `text`, in any spelling, in their keyword."""
        # First, so that a very long text is not normalized, as in keywords.check(); and SQLite refuses long patterns.
        if len(text) > 20 * keywords.MAX_LENGTH or len(part := keywords.normalize(text)) > keywords.MAX_LENGTH:
            return self.none()
        return self.filter(normalized__contains=part)

    def watch(self, text: str, **chosen: Any) -> "tuple[KeyWordEntry, bool]":
        """Return the entry for `text` and whether it is new.

        `chosen` (interval, weight, state) applies to a new entry; an existing one keeps its own values. One that was
        only previewed counts as new. Raises ValidationError.
        """
        if (entry := self.find(text)) is None:
            try:
                with transaction.atomic():
                    return self.create(keyword=text, **chosen), True
            except IntegrityError:
                # Another process has just added it.
                if (entry := self.find(text)) is None:
                    raise
        if is_new := entry.state == KeyWordEntry.State.PREVIEWED != chosen.get("state"):
            entry.change(**{"state": KeyWordEntry.State.WATCHED} | chosen)
        return entry, is_new

    def watched(self) -> Self:
        return self.filter(state=KeyWordEntry.State.WATCHED)

    def failing(self) -> Self:
        """Return the watched entries whose last fetch that has ended failed."""
        return self.watched().filter(last_status=VideoLog.Status.FAILED)

    def waiting(self, pause: Pause | None = None) -> Self:
        """Return the watched entries that wait for searches: their last fetch does, or those of which waits() is true.

        `pause` is that of scheduled searches, if they are used up.
        """
        waits = Q(last_status=VideoLog.Status.WAITING)
        if pause:
            again = Q(next_due_at__lte=pause.until + SPREAD)
            if not pause.of_first_fetches:
                again &= Q(last_fetched_at__isnull=False) | Q(next_due_at__gte=pause.until)
            waits |= again
        return self.watched().filter(waits)

    def failing_first(self) -> Self:
        """Return the entries by name, those that are failing first."""
        failing = When(state=KeyWordEntry.State.WATCHED, last_status=VideoLog.Status.FAILED, then=Value(0))
        return self.order_by(Case(failing, default=Value(1)), "normalized", "pk")

    def count_by_state(self, pause: Pause | None = None) -> StateCounts:
        """Return how many entries are in each state; one query, which reads an index, and one for those that wait if
        scheduled searches are used up."""
        counts = dict.fromkeys(StateCounts.__dataclass_fields__, 0)
        named = {VideoLog.Status.FAILED.value: "failing", VideoLog.Status.WAITING.value: "waiting"}
        rows = self.order_by().values_list("state", "last_status").annotate(number=Count("pk"))
        for state, last_status, number in rows:
            counts[state] += number
            if state == KeyWordEntry.State.WATCHED and last_status in named:
                counts[named[last_status]] += number
        if pause:
            counts["waiting"] = self.waiting(pause).count()
        return StateCounts(**counts)

    def kept(self) -> Self:
        """Return the entries that a person has added: all but those that were only previewed."""
        return self.exclude(state=KeyWordEntry.State.PREVIEWED)

    def forgotten(self, now: datetime) -> Self:
        """Return the entries that were previewed more than a day before `now`."""
        end = now - PREVIEW_KEPT
        previewed = self.filter(state=KeyWordEntry.State.PREVIEWED, created_at__lt=end)
        return previewed.exclude(last_fetched_at__gte=end)

    def erasable(self) -> Self:
        """Return the deleted entries that can no longer be restored. Of KeyWordEntry.including_deleted."""
        now = timezone.now()
        # A date that is far away was set before the clock was set back.
        over = Q(erase_after=None) | Q(erase_after__lte=now) | Q(erase_after__gt=now + LONGEST_RESTORABLE)
        return self.filter(over, state=KeyWordEntry.State.DELETING)

    def scheduled(self) -> Self:
        """Return the watched entries that are planned: all but those whose query YouTube refuses."""
        return self.watched().filter(bad_query="")

    def never_searched(self) -> Self:
        """Return the planned entries for which YouTube has never been searched."""
        return self.scheduled().filter(searched_through=None)

    def unclaimed(self) -> Self:
        """Return the entries that no worker has claimed. Claims of workers that died are ended by claims.Watcher."""
        return self.filter(claim_token="")

    def set_claim(self, token: str, **changes: Any) -> int:
        """Claim those of the entries that are free with `token`; return how many. One UPDATE."""
        return self.unclaimed().update(claim_token=token, claimed_at=timezone.now(), **changes)

    def overdue(self, now: datetime) -> Self:
        """Return the watched entries whose fetch should have begun at `now`, and has not."""
        return self.watched().unclaimed().filter(next_due_at__lte=now).order_by("next_due_at")

    def to_audit(self, now: datetime) -> Self:
        """Return the watched entries that are to be searched for without their group at `now`."""
        return self.watched().unclaimed().filter(audit_due_at__lte=now).order_by("audit_due_at")

    def next_starts(self, number: int) -> list[datetime]:
        """Return when each of so many keywords that are added now should be fetched first; one query."""
        now = timezone.now()
        # Without those that wait for the end of a pause.
        waiting = self.watched().filter(last_fetched_at=None, next_due_at__lt=now + timedelta(hours=1)).count()
        return [now + DISTANCE * max(0, place - AT_ONCE) for place in range(waiting, waiting + number)]

    def with_last_log(self) -> Self:
        """Annotate each entry with the status, error code and message of its newest log; an index lookup per entry."""
        newest = VideoLog.objects.filter(keyword=OuterRef("pk")).order_by("-created_at", "-id")
        return self.annotate(
            last_log_status=Subquery(newest.values("status")[:1]),
            last_log_error_code=Subquery(newest.values("error_code")[:1]),
            last_log_message=Subquery(newest.values("message")[:1]),
        )

    def with_sharing(self) -> Self:
        """Annotate each entry with how many others it is searched for together with, and join its evidence."""
        # Not scheduled(): SQLite would read all watched keywords for each entry.
        group = KeyWordEntry.including_deleted.filter(group=OuterRef("group")).order_by().values("group")
        scheduled = Q(state=KeyWordEntry.State.WATCHED, bad_query="")
        size = Subquery(group.annotate(size=Count("pk", filter=scheduled)).values("size"))
        return self.select_related("evidence").annotate(searched_with=Coalesce(size - 1, 0))

    def in_order_of(self, ids: Iterable[int]) -> list["KeyWordEntry"]:
        """Return the entries with these ids, in this order, without any that have just been removed."""
        entries = self.in_bulk(list(ids))
        return [entries[pk] for pk in ids if pk in entries]

    def record_last_status(self) -> int:
        """Set `last_status` by the fetch log. An entry without a fetch that has ended keeps what it has."""
        ended = VideoLog.objects.filter(keyword=OuterRef("pk")).ended().newest_first()
        return self.update(last_status=Coalesce(Subquery(ended.values("status")[:1]), F("last_status")))

    def with_videos_changed_at(self) -> Self:
        """Annotate each entry with VideoTotal.changed_at, read at the same moment as its own fields."""
        return self.annotate(videos_changed_at=Subquery(VideoTotal.objects.values("changed_at")[:1]))

    def lock(self) -> list["KeyWordEntry"]:
        """Return the entries, locked until the end of the transaction.

        Lock entries here before changing several: in the order of their ids, so that two transactions cannot
        deadlock, and without blocking new rows that refer to them.
        """
        return list(self.select_for_update(no_key=True).order_by("pk"))

    def set_state(self, state: "KeyWordEntry.State") -> None:
        """Pause or resume the entries, as KeyWordEntry.save() does for one."""
        ids = list(self.values_list("pk", flat=True))
        entries = KeyWordEntry.objects.filter(pk__in=ids)
        with transaction.atomic():
            entries.lock()
            if state == KeyWordEntry.State.WATCHED:
                again = ~Q(refused_since=None) | Q(next_due_at=None)
                entries.filter(again).update(next_due_at=timezone.now())
            entries.update(state=state, bad_query="", refused_since=None)
            keywords_changed.send(KeyWordEntry, keyword_ids=ids)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Hide and unschedule the entries at once; a chore erases their matches and videos in chunks."""
        hidden = self._hide(next_due_at=None, erase_after=None)
        return hidden, {KeyWordEntry._meta.label: hidden}

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def delete_later(self, erase_after: datetime) -> int:
        """Hide and unschedule the entries at once, as delete() does, and return how many.

        Nothing of them is erased before `erase_after` (LONGEST_RESTORABLE at most): until then restore() undoes it.
        """
        return self._hide(erase_after=erase_after)

    def _hide(self, **changes: Any) -> int:
        with transaction.atomic():
            total = VideoTotal.lock()
            # After the lock: a previewed keyword that has just been added is no longer among the forgotten ones.
            ids = list(self.values_list("pk", flat=True))
            if not ids:
                return 0
            # The list of a keyword that is added again must not have the tag of the old list.
            total.mark_changed()
            entries = KeyWordEntry.objects.filter(pk__in=ids)
            entries.lock()
            hidden: int = entries.update(state=KeyWordEntry.State.DELETING, claim_token="", **changes)
            keywords_changed.send(KeyWordEntry, keyword_ids=ids)
        return hidden

    def restore(self, state: "KeyWordEntry.State") -> int:
        """Undo delete_later(): return how many entries have `state` again.

        Those whose erasing has begun, and those whose keyword was added again, stay deleted. Of KeyWordEntry.
        including_deleted. Raises IntegrityError if a keyword is added at the same moment.
        """
        with transaction.atomic():
            VideoTotal.lock().mark_changed()
            restorable = self.filter(state=KeyWordEntry.State.DELETING, erase_after__isnull=False)
            ids = [entry.pk for entry in restorable.lock()]
            deleted = KeyWordEntry.including_deleted.filter(pk__in=ids)
            again = KeyWordEntry.objects.filter(normalized__in=deleted.values("normalized"))
            free = deleted.exclude(normalized__in=list(again.values_list("normalized", flat=True)))
            restored: int = free.update(state=state, erase_after=None)
            keywords_changed.send(KeyWordEntry, keyword_ids=ids)
        return restored


class _NotDeleted(models.Manager.from_queryset(KeyWordEntryQuerySet)):  # type: ignore[misc]
    """Hide keywords that are being deleted."""

    def get_queryset(self) -> KeyWordEntryQuerySet:
        return super().get_queryset().exclude(state=KeyWordEntry.State.DELETING)  # type: ignore[no-any-return]


class KeyWordEntry(models.Model):
    """A keyword to watch."""

    # The assumed number of new videos per day for a keyword that was not searched yet.
    PRIOR_RATE = 10.0

    class State(models.TextChoices):
        WATCHED = "watched", "watched"
        PAUSED = "paused", "paused"
        PREVIEWED = "previewed", "previewed"
        DELETING = "deleting", "being deleted"

    # The states that people can choose.
    CHOSEN = [State.WATCHED, State.PAUSED]

    class Notify(models.TextChoices):
        OFF = "off", "off"
        EACH = "each", "after each fetch"
        HOURLY = "hourly", "once an hour"
        DAILY = "daily", "once a day"

    keyword = models.CharField(max_length=keywords.MAX_LENGTH, help_text="As typed, without invisible characters.")
    normalized = models.CharField(max_length=keywords.MAX_LENGTH, editable=False)
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.WATCHED,
    )
    interval = models.PositiveIntegerField(
        "interval in seconds",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(30 * DAY)],
        help_text="Empty: the default interval (FETCH_INTERVAL).",
    )
    planned_interval = models.PositiveIntegerField(
        null=True, editable=False, help_text="Seconds between fetches in the current plan. Null: not planned yet."
    )
    below_daily_minimum = models.BooleanField(
        default=False, editable=False, help_text="There are not enough searches to fetch it once a day."
    )
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How important it is to find its videos early, from 1 to 100.",
    )
    notify = models.CharField(
        max_length=10,
        choices=Notify.choices,
        default=Notify.OFF,
        help_text="When to notify of new videos: after each fetch that finds some, or by an hourly or daily digest.",
    )
    notify_urls = models.TextField(
        blank=True,
        default="",
        max_length=2000,
        validators=[check_addresses],
        help_text="Where to notify of new videos: Apprise addresses, separated by spaces or commas. Without these and "
        "a webhook: those of NOTIFY_URLS.",
    )
    notify_webhook = models.CharField(
        max_length=500,
        blank=True,
        default="",
        validators=[check_webhook],
        help_text="An http or https address that gets new videos as JSON.",
    )
    notify_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Since when new videos are notified: when that was chosen, or when the keyword was first searched.",
    )
    silent_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When its last video was published, if that is unusually long ago. Null: it is not.",
    )
    usual_rate = models.FloatField(
        null=True, editable=False, help_text="New videos per day before it became silent. Null: it is not."
    )
    rate = models.FloatField(default=PRIOR_RATE, editable=False, help_text="Estimated new videos per day.")
    video_count = models.PositiveIntegerField(default=0, editable=False)
    hidden_count = models.PositiveIntegerField(default=0, editable=False, help_text="How many of these are hidden.")
    created_at = models.DateTimeField(auto_now_add=True)
    next_due_at = models.DateTimeField(null=True, editable=False)
    last_fetched_at = models.DateTimeField(null=True, editable=False, help_text="Start of the last fetch.")
    last_status = models.CharField(
        max_length=12,
        choices=VideoLog.Status.choices,
        blank=True,
        default="",
        editable=False,
        help_text="How the last fetch ended, or that it waits for searches. Empty: none has ended yet.",
    )
    last_found_at = models.DateTimeField(
        null=True, editable=False, help_text="When the last video was found that it had not found before."
    )
    searched_through = models.DateTimeField(
        null=True, editable=False, help_text="YouTube was searched up to here, except for recorded gaps."
    )
    bad_query = models.CharField(
        max_length=300,
        blank=True,
        default="",
        editable=False,
        help_text="Why YouTube refuses this keyword. It is tried again once a day.",
    )
    refused_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when YouTube has refused each search for this keyword."
    )
    group = models.ForeignKey(
        SearchGroup,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="keywords",
        help_text="The keywords that it is searched together with. Null: it is searched for alone.",
    )
    audit_interval = models.PositiveIntegerField(
        null=True, editable=False, help_text="Seconds between searches for it alone while it is in a group."
    )
    audit_due_at = models.DateTimeField(
        null=True, editable=False, help_text="When it is to be searched for alone while it is in a group."
    )
    claim_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    erase_after = models.DateTimeField(
        null=True, editable=False, help_text="Of a deleted keyword: until then it can be restored."
    )

    objects = _NotDeleted()
    including_deleted = models.Manager.from_queryset(KeyWordEntryQuerySet)()

    class Meta:
        verbose_name = "keyword"
        ordering = ["normalized"]
        constraints = [
            # A keyword can be added again while its old entry is still being erased.
            models.UniqueConstraint(
                fields=["normalized"],
                condition=~Q(state="deleting"),
                name="keyword_once",
                violation_error_message="This keyword already exists.",
            ),
        ]
        indexes = [
            # The chore catch_up: overdue().
            models.Index(fields=["state", "next_due_at"], name="keyword_due"),
            # count_by_state(), and the lists of keywords that are failing or waiting.
            models.Index(fields=["state", "last_status"], name="keyword_status"),
            # The chore that sends audits.
            models.Index(fields=["audit_due_at"], condition=Q(audit_due_at__isnull=False), name="keyword_audit_due"),
        ]

    def __str__(self) -> str:
        return self.keyword

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save a keyword that a person added or changed.

        Of a stored entry only `update_fields` are written, by default the fields that people edit: a fetch may be
        updating the others at the same time. By default a query that YouTube refused is tried again.

        Raises ValidationError for an invalid keyword, DoesNotExist if it has been deleted.
        """
        self.clean()
        if update_fields is None:
            update_fields = ["keyword", "normalized", "state", "interval", "weight", "bad_query", "refused_since"]
            update_fields += ["notify", "notify_urls", "notify_webhook", "notify_since"]
            was_refused = self.refused_since is not None
            self.bad_query, self.refused_since = "", None
            if self.state == self.State.WATCHED and (was_refused or self.next_due_at is None):
                (self.next_due_at,) = KeyWordEntry.objects.next_starts(1)
                update_fields.append("next_due_at")
        with transaction.atomic():
            if not self._state.adding:
                total = VideoTotal.lock() if "keyword" in update_fields else None
                kwargs["update_fields"] = update_fields
                stored = KeyWordEntry.objects.select_for_update().filter(pk=self.pk).first()
                if stored is None:
                    raise KeyWordEntry.DoesNotExist("This keyword has been deleted.")
                if total and stored.keyword != self.keyword:
                    total.mark_changed()  # videos show the spelling of their keyword
                if "notify" in update_fields:
                    self._change_notify(stored)
            super().save(*args, **kwargs)
            keywords_changed.send(KeyWordEntry, keyword_ids=[self.pk])

    def _change_notify(self, stored: "KeyWordEntry") -> None:
        """Set `notify_since`, and forget what was not sent, if notifications are switched on or off."""
        self.notify_since = stored.notify_since
        if self.notify != stored.notify and self.Notify.OFF in (self.notify, stored.notify):
            is_new = self.notify != self.Notify.OFF and stored.was_searched
            self.notify_since = timezone.now() if is_new else None
            self.new_videos.all().delete()
            self.receivers.all().delete()

    def change(self, **chosen: Any) -> None:
        """Save with the `chosen` values, and for the rest what is stored now: someone else may have changed it.

        Raises ValidationError for an invalid keyword, DoesNotExist if it has been deleted.
        """
        with transaction.atomic():
            VideoTotal.lock()  # as save() does; it comes before keywords
            if not KeyWordEntry.objects.filter(pk=self.pk).lock():
                raise KeyWordEntry.DoesNotExist("This keyword has been deleted.")
            self.refresh_from_db()
            for name, value in chosen.items():
                setattr(self, name, value)
            self.save()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Hide and unschedule the entry at once; a chore erases its matches and videos in chunks."""
        return KeyWordEntry.including_deleted.filter(pk=self.pk).delete()

    def clean(self) -> None:
        try:
            self.keyword = keywords.check(self.keyword, same_as=None if self._state.adding else self.normalized)
        except ValidationError as error:
            raise ValidationError({"keyword": error}) from error
        if self._state.adding:
            self.normalized = keywords.normalize(self.keyword)

    @property
    def requested_interval(self) -> int | None:
        """The interval in seconds that was chosen for this keyword or as the default; None = automatic."""
        return self.interval or settings.FETCH_INTERVAL

    @property
    def was_searched(self) -> bool:
        """Whether a fetch has succeeded; without YouTube, only one that found something counts."""
        return self.searched_through is not None or self.video_count > 0

    @property
    def addresses(self) -> list[Address]:
        """Where to notify of this keyword's new videos: its own addresses, or NOTIFY_URLS if it has none."""
        own = notify.named(self.notify_urls, f"notify_urls of “{self.keyword}”", "keyword")
        if url := self.notify_webhook:
            name = f"The webhook of “{self.keyword}”"
            own.append(Address(url, name, notify.subject_of(url, "webhook"), is_webhook=True))
        return own or notify.named(settings.NOTIFY_URLS, "NOTIFY_URLS")

    @property
    def notified(self) -> list[str]:
        """What is notified of this keyword's new videos, without the addresses: "mailto", "webhook"."""
        return ["webhook" if address.is_webhook else _scheme(address.url) for address in self.addresses]

    @property
    def stretched_by(self) -> StretchedBy | None:
        """Why its interval is longer than the requested one; None if it is not."""
        return stretched_by(self.requested_interval, self.planned_interval)

    @property
    def exceeds_request(self) -> bool:
        """Whether it is searched more often than requested, with its group."""
        return exceeds(self.requested_interval, self.planned_interval)

    @property
    def current_interval(self) -> int:
        """The seconds between two fetches: as planned, or a day until the first plan."""
        return self.planned_interval or DAY

    @property
    def searches_per_day(self) -> float | None:
        """How often it is searched for; None: not planned yet."""
        return DAY / self.planned_interval if self.planned_interval else None

    @property
    def silence(self) -> Silence | None:
        """Since when fewer videos are published than usual: none at all."""
        if self.silent_since is None or self.usual_rate is None:
            return None
        return Silence(self.silent_since, self.usual_rate)

    @property
    def audits_per_day(self) -> float:
        """How often it is searched for alone although it is in a group."""
        return DAY / self.audit_interval if self.audit_interval else 0.0

    @property
    def expected_delay(self) -> int | None:
        """The average time in seconds from when YouTube shows a video until it is found: half an interval. None: not
        planned yet."""
        return self.planned_interval // 2 if self.planned_interval else None

    @property
    def phase(self) -> float:
        """The keyword's place among all, from 0.05 to 1: multiples of the golden ratio are spread evenly."""
        return 0.05 + 0.95 * ((self.pk * 0.618033988749895) % 1)

    def after_pause(self, end: datetime) -> datetime:
        """Return when this keyword resumes after a pause that ends at `end`; keywords are spread over SPREAD."""
        return end + SPREAD * self.phase

    def due_after(self, started_at: datetime, *, was_waiting: bool) -> datetime:
        """Return when the next fetch is due, after one that began at `started_at`.

        Keywords that are fetched for the first time, after waiting, or long overdue are often fetched together with
        others. On the automatic schedule their next fetch comes sooner, by `phase`, so that they spread out again.
        """
        interval = timedelta(seconds=self.current_interval)
        overdue = self.next_due_at is not None and started_at > self.next_due_at + interval / 2
        bunched = self.last_fetched_at is None or was_waiting or overdue
        return started_at + interval * (self.phase if bunched and self.requested_interval is None else 1)

    def validate_constraints(self, exclude: Any = None) -> None:
        """Include `normalized` in the checks, although forms exclude it because they do not show it."""
        super().validate_constraints(exclude=set(exclude or ()) - {"normalized"})

    @property
    def next_fetch_at(self) -> datetime | None:
        """When the next scheduled fetch is due; None while the keyword is paused."""
        return self.next_due_at if self.state == self.State.WATCHED else None

    def is_due(self) -> bool:
        """Return whether a scheduled fetch should have begun."""
        return self.next_fetch_at is not None and self.next_fetch_at <= timezone.now()

    def waits(self, pause: Pause | None) -> bool:
        """Return whether the next scheduled fetch waits for the end of `pause`, before which it would be due."""
        if pause is None or self.next_fetch_at is None or self.next_fetch_at > pause.until + SPREAD:
            return False
        return pause.of_first_fetches or self.last_fetched_at is not None or self.next_fetch_at >= pause.until

    @property
    def next_trigger(self) -> "VideoLog.Trigger":
        return VideoLog.Trigger.SCHEDULE if self.last_fetched_at else VideoLog.Trigger.FIRST

    def claimable(self, trigger: "VideoLog.Trigger") -> KeyWordEntryQuerySet:
        """Return this keyword if it is free, and due for a fetch with this trigger.

        A scheduled fetch requires that `next_due_at` has come, and an audit that `audit_due_at` has, so that a message
        delivered twice, or two beats, cause one search.
        """
        now = timezone.now()
        own: KeyWordEntryQuerySet = KeyWordEntry.objects.filter(pk=self.pk).unclaimed()
        if trigger in (VideoLog.Trigger.SCHEDULE, VideoLog.Trigger.FIRST):
            early = min(MAX_EARLY, timedelta(seconds=self.current_interval / 10))
            return own.watched().filter(next_due_at__lte=now + early)
        return own.to_audit(now) if trigger == VideoLog.Trigger.AUDIT else own

    def claim(self, trigger: "VideoLog.Trigger") -> str | None:
        """Claim this keyword for a fetch; return the claim's token, or None if it is claimed or not due.

        One conditional UPDATE: only one of any number of workers succeeds.
        """
        return self._claim(self.claimable(trigger))

    def claim_erasing(self) -> str | None:
        """Claim this deleted keyword for erasing; return the claim's token, None if it is claimed or can be restored.

        It cannot be restored any more.
        """
        return self._claim(KeyWordEntry.including_deleted.filter(pk=self.pk).erasable(), erase_after=None)

    @staticmethod
    def _claim(claimable: KeyWordEntryQuerySet, **changes: Any) -> str | None:
        token = uuid.uuid4().hex
        return token if claimable.set_claim(token, **changes) else None

    def renew(self, token: str) -> bool:
        """Renew the claim; return False if it has ended. One UPDATE: see fetching/claims.py."""
        claimed = KeyWordEntry.including_deleted.filter(pk=self.pk, claim_token=token)
        return bool(claimed.update(claimed_at=timezone.now()))

    def release(self, token: str, **changes: Any) -> bool:
        """Release the claim and write `changes`; return False if it has ended."""
        claimed = KeyWordEntry.including_deleted.filter(pk=self.pk, claim_token=token)
        return bool(claimed.update(claim_token="", claimed_at=None, **changes))


def _scheme(url: str) -> str:
    scheme, colon, _ = url.partition(":")
    return scheme.lower() if colon else "invalid"  # it may be a password
