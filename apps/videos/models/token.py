"""Access for programs."""

from datetime import timedelta

from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """Lets a program use the REST API as an account. Only its SHA-512 is stored, and its first characters to name it.

    `ApiToken.objects.create(user, name=..., access=...)` returns the row and the token itself.
    """

    class Access(models.TextChoices):
        READ = "read", "Read"
        WRITE = "write", "Read and write"

    # The last use is shown in minutes or more, and a request that reads should seldom have to wait for a writer.
    USE_RECORDED_EVERY = timedelta(minutes=5)

    digest = models.CharField(max_length=128, unique=True)  # not the primary key, which addresses contain
    name = models.CharField(max_length=100, help_text="What uses it, such as “backup script”.")
    access = models.CharField(max_length=5, choices=Access.choices, default=Access.READ)
    used_at = models.DateTimeField("last use", null=True, editable=False)

    class Meta:
        verbose_name = "API token"
        ordering = ["-created", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def prefix(self) -> str:
        """The token's first characters."""
        return str(self.token_key)

    @property
    def may_write(self) -> bool:
        return self.access == self.Access.WRITE

    def record_use(self) -> None:
        """Record that it is used now; one query at most every few minutes."""
        now = timezone.now()
        # Also if the clock was set back.
        if self.used_at is None or abs(now - self.used_at) >= self.USE_RECORDED_EVERY:
            type(self).objects.filter(pk=self.pk).update(used_at=now)
