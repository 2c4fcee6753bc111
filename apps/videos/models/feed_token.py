"""Who may read feeds without signing in."""

from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import models
from django.utils import timezone
from django.utils.crypto import get_random_string

_signer = Signer(salt="apps.videos.models.FeedToken")


class FeedToken(models.Model):
    """The secret part of an account's private feed addresses. Only the newest one is valid.

    It is signed with SECRET_KEY, so that it can be shown again, and cannot be made from what is stored.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="feed_token"
    )
    nonce = models.CharField(max_length=22)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"feed token of {self.user}"  # not the token itself

    @classmethod
    def renew(cls, user: Any) -> "FeedToken":
        """Return a new token for an account, whose old one is revoked."""
        chosen = {"nonce": get_random_string(22), "created_at": timezone.now()}
        # Of several requests at once the last one counts.
        return cls.objects.update_or_create(user=user, defaults=chosen)[0]

    @classmethod
    def find(cls, text: str) -> "FeedToken | None":
        """Return the valid token written as `text`; that of an inactive account is not valid."""
        try:
            user_id, _, nonce = _signer.unsign(text).partition("-")
        except BadSignature:
            return None
        return cls.objects.filter(user_id=user_id, nonce=nonce, user__is_active=True).first()

    @property
    def text(self) -> str:
        """The token, as addresses contain it."""
        return _signer.sign(f"{self.user_id}-{self.nonce}")
