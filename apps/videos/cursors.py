"""Positions in a list of videos, for clients that follow `next` while videos arrive.

A cursor names the last row of a page by the value that orders the list, and the video's id. The next page is what comes
after it, however many rows have been added or removed before it.
"""

import base64
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from typing import Any, Self

from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError

# What may order a list that is read by cursor: dates that every video has. Views and durations are unknown of some, and
# views change all the time.
FIELDS = ("published_at", "created_at")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = struct.Struct(">?4sq")  # backwards, digest of the list, microseconds; then the id


def invalid(message: str) -> ValidationError:
    return ValidationError({"cursor": message})


@dataclass(frozen=True)
class Order:
    """An order by a date, and by the video's id among equal dates."""

    field: str
    descending: bool

    @classmethod
    def of(cls, rows: QuerySet[Any]) -> Self:
        """Return the order of `rows`; raise ValidationError if they are not ordered by one of FIELDS."""
        first = rows.query.order_by[0] if rows.query.order_by else ""
        if isinstance(first, str) and first.removeprefix("-") in FIELDS:
            return cls(first.removeprefix("-"), first.startswith("-"))
        raise invalid(f"Pages by cursor need an ordering by {' or '.join(FIELDS)}, ascending or descending.")

    def reversed(self) -> Self:
        return type(self)(self.field, not self.descending)

    def apply(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return videos or matches in this order."""
        sign = "-" if self.descending else ""
        return rows.order_by(f"{sign}{self.field}", f"{sign}video_id")

    def after(self, value: datetime, video_id: str) -> Q:
        """Return the condition for rows that come after this one."""
        than = "lt" if self.descending else "gt"
        later = Q(**{f"{self.field}__{than}": value}) | Q(**{f"video_id__{than}": video_id})
        # Implied by that, but in a form for which databases begin to read the index at `value`.
        return Q(**{f"{self.field}__{than}e": value}) & later


@dataclass(frozen=True)
class Cursor:
    """The rows of the list `digest` after this one; before it, if `backwards`."""

    digest: bytes
    value: datetime
    video_id: str
    backwards: bool = False

    def __str__(self) -> str:
        head = _FORM.pack(self.backwards, self.digest, (self.value - _EPOCH) // timedelta(microseconds=1))
        return base64.urlsafe_b64encode(head + self.video_id.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, digest: bytes) -> Self:
        """Return the cursor written as `text`; raise ValidationError if it is not one of the list `digest`."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            backwards, own, microseconds = _FORM.unpack_from(packed)
            video_id = packed[_FORM.size :].decode()
            cursor = cls(own, _EPOCH + timedelta(microseconds=microseconds), video_id, backwards)
            well_formed = str(cursor) == text and "\0" not in video_id
        except (ValueError, OverflowError, struct.error):
            well_formed = False
        if not well_formed:
            raise invalid("This is not a cursor. Begin with an empty one (?cursor=), and follow `next`.")
        if own != digest:
            raise invalid(
                "This cursor belongs to a list with another address, filters or order. Begin with an empty one."
            )
        return cursor


def digest(request: Any, order: Order) -> bytes:
    """Return what distinguishes the list that `request` asks for from others, whatever the page."""
    parameters = sorted(
        (name, values) for name, values in request.query_params.lists() if name not in ("cursor", "page_size")
    )
    return blake2s(repr((request.path_info.rstrip("/"), parameters, order)).encode(), digest_size=4).digest()
