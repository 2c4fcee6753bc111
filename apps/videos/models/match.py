"""Which keyword found which video."""

from typing import Self

from django.db import models
from django.db.models import Q

from apps.videos.fulltext import Search
from apps.videos.models.method import VideoFetchMethod


class MatchQuerySet(models.QuerySet["Match"]):
    def newest_first(self) -> Self:
        return self.order_by("-published_at", "-video")

    def search(self, text: str) -> Self:
        """Return the matches of the videos that `Video.objects.search(text)` returns."""
        return self.filter(Search(text).condition(self.db, "video"))


class Match(models.Model):
    """A keyword found a video."""

    class In(models.TextChoices):
        TITLE = "title", "title"
        DESCRIPTION = "description", "description"
        CHANNEL = "channel", "channel"
        TAGS = "tags", "a tag"
        SEVERAL = "several", "title and channel"
        NOWHERE = "nowhere", "nowhere"

    keyword = models.ForeignKey("KeyWordEntry", on_delete=models.CASCADE, related_name="matches", db_index=False)
    video = models.ForeignKey("Video", on_delete=models.CASCADE, related_name="matches")
    method = models.CharField(max_length=10, choices=VideoFetchMethod.choices)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(
        help_text="Copy of the video's date, so that one index can list a keyword's videos."
    )
    hidden = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether the keyword's list leaves it out: the video is hidden, or a rule hides it here.",
    )
    hidden_by = models.ForeignKey(
        "HidingRule",
        null=True,
        on_delete=models.SET_NULL,
        related_name="matches",
        db_index=False,
        help_text="A rule that hides it.",
    )
    shared = models.BooleanField(
        default=False, db_default=False, help_text="Whether a search for the keyword's group has shown it."
    )
    # Null, and not empty, as long as it is unknown: SQLite uses a partial index only for NULL, see Video.
    matched_in = models.CharField(  # noqa: DJ001
        max_length=12,
        choices=In.choices,
        null=True,
        help_text="Where all words of the keyword stand. Null: unknown yet.",
    )

    objects = MatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "matches"
        constraints = [models.UniqueConstraint(fields=["keyword", "video"], name="match_once")]
        indexes = [
            # One keyword's videos, newest first: its page and GET /api/keyword/<keyword>/videos/.
            models.Index(fields=["keyword", "-published_at", "-video", "hidden", "matched_in"], name="match_newest"),
            # Those that are hidden, and their number.
            models.Index(
                fields=["keyword", "-published_at", "-video", "hidden"], condition=Q(hidden=True), name="match_hidden"
            ),
            # Deleting a rule, and the chore that finds out where keywords stand.
            models.Index(fields=["hidden_by"], condition=Q(hidden_by__isnull=False), name="match_hidden_by"),
            models.Index(fields=["id"], condition=Q(matched_in=None), name="match_unattributed"),
            # How many were found on each day, and which last: statistics.py.
            models.Index(fields=["keyword", "created_at"], name="match_found"),
        ]

    def __str__(self) -> str:
        return f"{self.keyword_id} - {self.video_id}"
