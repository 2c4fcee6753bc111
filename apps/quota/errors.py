"""Why no key can make a call, as types with a stable `code` for logs and the API."""

from datetime import datetime
from typing import ClassVar


class NoKeyAvailable(Exception):
    """No key can make the call. `until` is when one can again; None means not before a person acts."""

    code: ClassVar[str]

    def __init__(self, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until


class QuotaExhausted(NoKeyAvailable):
    """Every project has used up its quota for the purpose; it is available again at the reset."""

    code = "quota_exhausted"


class KeysCoolingDown(NoKeyAvailable):
    """The projects with quota left have only keys that are cooling down."""

    code = "keys_cooling_down"


class NoUsableKey(NoKeyAvailable):
    """No key is configured, or YouTube refuses all of them."""

    code = "no_usable_key"
