"""Which new videos a keyword's addresses are still to be notified of."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Max, Q, Sum
from django.db.models.functions import Greatest
from django.utils import timezone

from apps.incidents.models import MAX_SKEW
from apps.videos.models.keyword import KeyWordEntry
from apps.videos.models.video import Video

# A worker sends one message within this time, or has died: longer than the time limit of its task.
CLAIM = timedelta(seconds=150)


class NewVideoQuerySet(models.QuerySet["NewVideo"]):
    def due(self, hour: datetime, day: datetime) -> Self:
        """Return what is to be sent now, if the last hourly digest ends at `hour` and the last daily one at `day`."""
        each = Q(keyword__notify=KeyWordEntry.Notify.EACH)
        hourly = Q(keyword__notify=KeyWordEntry.Notify.HOURLY, created_at__lt=hour)
        daily = Q(keyword__notify=KeyWordEntry.Notify.DAILY, created_at__lt=day)
        # Recorded before the clock was set back.
        in_future = Q(created_at__gt=timezone.now() + MAX_SKEW)
        return self.filter(each | hourly | daily | in_future)

    def enqueue(self, keyword: int, video_ids: Iterable[str], now: datetime) -> None:
        """Add videos that a keyword has found, in this order; in a transaction that has locked VideoTotal's row.

        Their ids follow those of all that was ever sent. A database's own numbers begin again in a copy, when all rows
        were sent and deleted before: then new videos would count as sent, too.
        """
        last = self.aggregate(last=Max("pk"))["last"] or 0
        sent = Receiver.objects.aggregate(last=Greatest(Max("sent_through"), Max("delivery_through")))["last"] or 0
        numbered = enumerate(video_ids, max(last, sent) + 1)
        NewVideo.objects.bulk_create(
            [NewVideo(pk=pk, keyword_id=keyword, video_id=one, created_at=now) for pk, one in numbered]
        )


class NewVideo(models.Model):
    """A video that a keyword has found, and that not all of its addresses were notified of yet."""

    keyword = models.ForeignKey("KeyWordEntry", on_delete=models.CASCADE, related_name="new_videos")
    video = models.ForeignKey("Video", on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    objects = NewVideoQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.keyword_id} - {self.video_id}"


class ReceiverQuerySet(models.QuerySet["Receiver"]):
    def claimed(self) -> Self:
        return self.filter(self._is_claimed())

    def unclaimed(self) -> Self:
        return self.exclude(self._is_claimed())

    def missed(self, address: str) -> int:
        """Return how many videos an address has missed since it last accepted a message."""
        return self.filter(address=address).aggregate(missed=Sum("missed"))["missed"] or 0

    def forget_missed(self, address: str) -> None:
        missed = self.filter(address=address, missed__gt=0)
        if missed.exists():  # on SQLite even an UPDATE of no rows takes the write lock
            missed.update(missed=0)

    @staticmethod
    def _is_claimed() -> Q:
        now = timezone.now()
        # A later end was recorded before the clock was set back.
        return Q(claimed_until__gt=now, claimed_until__lte=now + CLAIM + MAX_SKEW)


class Receiver(models.Model):
    """How far one address has been notified of a keyword's new videos.

    A delivery is recorded before it is sent. If it must be repeated, it has the same id and the same videos, so that
    the receiver can recognize it.
    """

    keyword = models.ForeignKey("KeyWordEntry", on_delete=models.CASCADE, related_name="receivers", db_index=False)
    address = models.CharField(max_length=40, help_text="A hash of the address, which may contain a password.")
    sent_through = models.BigIntegerField(default=0, help_text="The id of the last NewVideo that it was notified of.")
    delivery = models.UUIDField(null=True, help_text="The delivery that it has not accepted yet.")
    delivery_through = models.BigIntegerField(default=0, help_text="The id of the last NewVideo of that delivery.")
    claimed_until = models.DateTimeField(null=True)
    missed = models.PositiveIntegerField(
        default=0, help_text="The number of videos that became too old while it accepted no messages."
    )

    objects = ReceiverQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["keyword", "address"], name="receiver_once")]

    def __str__(self) -> str:
        return f"{self.keyword_id} - {self.address}"

    def claim(self) -> bool:
        """Claim this receiver, so that only one of several workers sends to it, and reload it; False: it is claimed."""
        if not Receiver.objects.unclaimed().filter(pk=self.pk).update(claimed_until=timezone.now() + CLAIM):
            return False
        self.refresh_from_db()
        return True

    def release(self) -> None:
        Receiver.objects.filter(pk=self.pk, claimed_until=self.claimed_until).update(claimed_until=None)

    def begin(self, through: int) -> None:
        """Record a delivery of everything up to the NewVideo `through`."""
        self.delivery, self.delivery_through = uuid.uuid4(), through
        self.save(update_fields=["delivery", "delivery_through"])

    def video_ids(self) -> list[str]:
        """Return the videos of the delivery, newest first, without those that were erased meanwhile."""
        numbers = (self.sent_through + 1, self.delivery_through)
        batch = NewVideo.objects.filter(keyword=self.keyword_id, pk__range=numbers)
        videos = Video.objects.filter(pk__in=batch.values("video")).newest_first()
        return list(videos.values_list("pk", flat=True))

    def accept(self) -> bool:
        """Record that the delivery was accepted; return False if another worker has taken over the claim and did."""
        row = Receiver.objects.filter(pk=self.pk, delivery=self.delivery)
        self.sent_through, self.delivery = self.delivery_through, None
        return bool(row.update(sent_through=self.sent_through, delivery=None))

    def miss(self, through: int) -> None:
        """Record that everything up to the NewVideo `through` will not be sent any more."""
        missed = NewVideo.objects.filter(keyword=self.keyword_id, pk__range=(self.sent_through + 1, through)).count()
        if missed:
            self.sent_through = through
            if self.delivery_through <= through:
                self.delivery = None
            row = Receiver.objects.filter(pk=self.pk)
            row.update(sent_through=through, delivery=self.delivery, missed=F("missed") + missed)
