"""Rules that hide videos."""

from typing import Self

from django.db import models
from django.dispatch import Signal

from apps.videos.models.keyword import KeyWordEntry

# Each fetch compares what it found with all of them.
MOST_RULES = 500

# Sent in the transaction in which rules were added or deleted.
rules_changed = Signal()


class HidingRuleQuerySet(models.QuerySet["HidingRule"]):
    def active(self) -> Self:
        return self.filter(deleted_at=None)


class HidingRule(models.Model):
    """Hides the videos of a channel, those with a word, or short ones: of one keyword, or of all.

    hiding.py applies it, also to what is stored already; until then `applied_at` is null. A deleted one stays until
    hiding.py has shown again what it hid.
    """

    class Kind(models.TextChoices):
        CHANNEL = "channel", "this channel"
        WORD = "word", "with this word or phrase"
        MIN_DURATION = "min_duration", "shorter than"

    keyword = models.ForeignKey(
        KeyWordEntry,
        null=True,
        on_delete=models.CASCADE,
        related_name="hiding_rules",
        help_text="Null: for all keywords.",
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    value = models.CharField(max_length=500, help_text="The channel's id, the words, or the seconds.")
    label = models.CharField(
        max_length=200, blank=True, help_text="The channel's title when the rule was added; empty for other kinds."
    )
    created_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True, help_text="When it was applied to all videos; null: not yet.")
    # Through which video it was applied, newest first.
    applied_through_date = models.DateTimeField(null=True)
    applied_through_video = models.CharField(max_length=16, blank=True)
    deleted_at = models.DateTimeField(null=True)

    objects = HidingRuleQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        if self.kind == self.Kind.MIN_DURATION:
            return f"shorter than {self.value} s"
        return f"channel {self.label or self.value}" if self.kind == self.Kind.CHANNEL else f"“{self.value}”"
