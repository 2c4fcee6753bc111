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
        help_text="Whether the video is hidden, for the same reason: the keyword's list leaves it out.",
    )

    objects = MatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "matches"
        constraints = [models.UniqueConstraint(fields=["keyword", "video"], name="match_once")]
        indexes = [
            # One keyword's videos, newest first: its page and GET /api/keyword/<keyword>/videos/.
            models.Index(fields=["keyword", "-published_at", "-video", "hidden"], name="match_newest"),
            # Those that are hidden, and their number.
            models.Index(
                fields=["keyword", "-published_at", "-video", "hidden"], condition=Q(hidden=True), name="match_hidden"
            ),
            # How many were found on each day, and which last: statistics.py.
            models.Index(fields=["keyword", "created_at"], name="match_found"),
        ]

    def __str__(self) -> str:
        return f"{self.keyword_id} - {self.video_id}"
