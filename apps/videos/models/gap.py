"""What is still to be searched."""

from django.db import models

from apps.videos.fetching.gaps import Gap
from apps.videos.models.keyword import KeyWordEntry


class SearchGap(models.Model):
    """A stored Gap: see fetching/gaps.py."""

    keyword = models.ForeignKey(KeyWordEntry, on_delete=models.CASCADE, related_name="gaps")
    after = models.DateTimeField()
    before = models.DateTimeField()
    late = models.BooleanField(default=False)

    class Meta:
        ordering = ["-before"]

    def __str__(self) -> str:
        return f"{self.keyword}: {self.after:%Y-%m-%d %H:%M} to {self.before:%Y-%m-%d %H:%M}"

    @property
    def value(self) -> Gap:
        return Gap(self.after, self.before, self.late)
