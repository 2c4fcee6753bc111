"""How many videos there are, and when they changed."""

from datetime import timedelta

from django.db import models
from django.utils import timezone


class VideoTotal(models.Model):
    """The number of videos and when they changed, in a single row, so that no page counts or compares a million.

    Code that changes what lists of videos show locks this row first: writers take turns, and the count always equals
    the number of rows. At a hundred searches per day they never wait long.
    """

    count = models.PositiveBigIntegerField(default=0)
    hidden_count = models.PositiveBigIntegerField(default=0, help_text="How many of these are hidden.")
    changed_at = models.DateTimeField(
        default=timezone.now, help_text="Differs after each change, by a second or more, even if the clock does not."
    )

    def __str__(self) -> str:
        return str(self.count)

    @classmethod
    def lock(cls) -> "VideoTotal":
        """Return the row, locked until the end of the transaction, which calls mark_changed() if it changes videos."""
        total, _ = cls.objects.select_for_update().get_or_create(pk=1)
        return total

    def mark_changed(self, added: int = 0) -> None:
        """Record that lists of videos changed, and how many videos were added; the row must be locked."""
        self.count += added
        self.changed_at = max(timezone.now(), self.changed_at + timedelta(seconds=1))
        self.save(update_fields=["count", "hidden_count", "changed_at"])

    @classmethod
    def read(cls) -> "VideoTotal":
        """Return the row; one query."""
        return cls.objects.first() or cls()

    @classmethod
    def current(cls) -> int:
        """Return the number of videos; one query."""
        return cls.read().count
