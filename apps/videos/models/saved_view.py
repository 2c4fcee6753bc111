"""Choices of videos that people come back to."""

from django.db import models


class SavedView(models.Model):
    """A named choice of videos: the filters and the order of the page of all videos, as its address has them."""

    name = models.CharField(max_length=60, unique=True)
    query = models.CharField(max_length=2_000, help_text="The query of the page's address, without its “?”.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
