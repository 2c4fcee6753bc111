"""What is searched for together, and how well that works; see scheduling/groups.py."""

from datetime import datetime

from django.db import models
from django.utils import timezone

from apps.videos.models.keyword import KeyWordEntry
from apps.videos.scheduling.groups import Evidence


class SearchEvidence(models.Model):
    """What searches for a keyword alone showed: how many videos earlier searches should have found, and how many they
    had found.

    `expected` and `delivered` are of searches for its group, `expected_alone` and `delivered_alone` of searches for the
    keyword alone, as of `counted_at`. Only videos published after `counted_through` will be counted.
    """

    keyword = models.OneToOneField(KeyWordEntry, on_delete=models.CASCADE, primary_key=True, related_name="evidence")
    expected = models.FloatField(default=0)
    delivered = models.FloatField(default=0)
    expected_alone = models.FloatField(default=0)
    delivered_alone = models.FloatField(default=0)
    counted_at = models.DateTimeField(default=timezone.now)
    counted_through = models.DateTimeField(default=timezone.now)
    audited_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.keyword_id}: {self.delivered:.1f} of {self.expected:.1f}"

    @property
    def group_now(self) -> Evidence:
        """What is known now of searches for its group."""
        return self.of_group(timezone.now())

    def of_group(self, now: datetime) -> Evidence:
        """Return what is known of searches for its group."""
        return Evidence(self.expected, self.delivered).aged(now - self.counted_at)

    def of_alone(self, now: datetime) -> Evidence:
        """Return what is known of searches for the keyword alone."""
        return Evidence(self.expected_alone, self.delivered_alone).aged(now - self.counted_at)
