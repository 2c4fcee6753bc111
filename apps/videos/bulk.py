"""Many keywords at once: adding, changing and deleting them, and undoing a change."""

import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from apps.videos import keywords
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet, keywords_changed

State = KeyWordEntry.State

# Keywords that can be added at once.
MOST: Final = 1000

# How long a change can be undone; what was deleted is not erased before.
UNDO_FOR: Final = timedelta(minutes=5)


class Outcome(models.TextChoices):
    NEW = "new", "new"
    KNOWN = "known", "known"
    REFUSED = "refused", "refused"


@dataclass(slots=True)
class Item:
    """A keyword to add, with what was `chosen` for it: interval, weight, state.

    `error` is why it is refused; `line` is the number of the line that it was read from, and `source` its text.
    review() and add() set `outcome`, `entry`, `normalized`, and `repeats`: whether an earlier item is the same keyword.
    """

    keyword: str
    chosen: dict[str, Any] = field(default_factory=dict)
    error: ValidationError | None = None
    line: int = 0
    source: str = ""
    outcome: Outcome = Outcome.REFUSED
    normalized: str = ""
    entry: KeyWordEntry | None = None
    repeats: bool = False

    def check(self) -> None:
        """Set `error` if this is no keyword, else `keyword` and `normalized` as they are stored."""
        try:
            self.keyword = keywords.check(self.keyword)
            self.normalized = keywords.normalize(self.keyword)
        except ValidationError as error:
            self.error = error


def review(items: Sequence[Item]) -> None:
    """Set the outcome that adding each of `items` would have, and its entry if there is one; one query.

    One that repeats an earlier one is known, and one that was only previewed is new.
    """
    for item in items:
        if not item.error:
            item.check()
    valid = [item for item in items if not item.error]
    stored = KeyWordEntry.objects.filter(normalized__in={item.normalized for item in valid})
    entries = {entry.normalized: entry for entry in stored}
    known = {form for form, entry in entries.items() if entry.state != State.PREVIEWED}
    listed = set[str]()
    for item in valid:
        item.entry = entries.get(item.normalized)
        item.repeats = item.normalized in listed
        item.outcome = Outcome.KNOWN if item.normalized in known or item.repeats else Outcome.NEW
        listed.add(item.normalized)


def add(items: Sequence[Item]) -> None:
    """Watch those of `items` that are new, and set the outcome and entry of each; an entry keeps its own values.

    A few queries, however many there are, and one plan.
    """
    try:
        _add(items)
    except IntegrityError:
        # Another process has just added one of them; the second attempt sees it.
        _add(items)


def _add(items: Sequence[Item]) -> None:
    with transaction.atomic():
        review(items)
        new = [item for item in items if item.outcome == Outcome.NEW]
        if not new:
            return
        starts = KeyWordEntry.objects.next_starts(len(new))
        previewed = [item.entry.pk for item in new if item.entry]
        entries = {entry.normalized: entry for entry in KeyWordEntry.objects.filter(pk__in=previewed).lock()}
        for item, start in zip(new, starts, strict=True):
            item.entry = entries.get(item.normalized) or KeyWordEntry(keyword=item.keyword, normalized=item.normalized)
            for name, value in ({"state": State.WATCHED} | item.chosen).items():
                setattr(item.entry, name, value)
            item.entry.bad_query, item.entry.refused_since = "", None
            if item.entry.state == State.WATCHED:
                item.entry.next_due_at = start
        written = ["state", "interval", "weight", "next_due_at", "bad_query", "refused_since"]
        KeyWordEntry.objects.bulk_update(entries.values(), written)
        created = [item.entry for item in new if item.entry and item.normalized not in entries]
        # In one order, whatever the list's: two that add the same would wait for each other.
        KeyWordEntry.objects.bulk_create(sorted(created, key=lambda entry: entry.normalized))
        by_form = {item.normalized: item.entry for item in new}
        for item in items:
            item.entry = item.entry or by_form.get(item.normalized)
        keywords_changed.send(KeyWordEntry, keyword_ids=[entry.pk for entry in by_form.values() if entry])


def count(items: Sequence[Item]) -> dict[str, int]:
    """Return how many of `items` have each outcome, by its name."""
    return {outcome: sum(item.outcome == outcome for item in items) for outcome in Outcome.values}


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed: the field `name` of keywords to `value`. `before` has their ids by the value they had.

    A deletion is a change of their state.
    """

    name: str
    value: Any
    before: dict[Any, list[int]]

    @property
    def number(self) -> int:
        return sum(map(len, self.before.values()))


def change(chosen: KeyWordEntryQuerySet, name: str, value: Any) -> Change:
    """Set the field `name` (state, interval or weight) of the `chosen` keywords, in one transaction."""
    with transaction.atomic():
        done = Change(name, value, _locked(chosen, name, value))
        _set(_ids(done), name, value)
    return done


def delete(chosen: KeyWordEntryQuerySet) -> Change:
    """Delete the `chosen` keywords; nothing of them is erased as long as it can be undone."""
    with transaction.atomic():
        done = Change("state", State.DELETING, _locked(chosen, "state", State.DELETING))
        KeyWordEntry.objects.filter(pk__in=_ids(done)).delete_later(timezone.now() + UNDO_FOR)
    return done


def undo(done: Change) -> int:
    """Give the keywords the values that they had; return how many. Those that were changed since stay as they are."""
    try:
        return _undo(done)
    except IntegrityError:
        # Another process has just added one that was deleted; the second attempt sees it.
        return _undo(done)


def _undo(done: Change) -> int:
    restored = 0
    with transaction.atomic():
        for value, ids in done.before.items():
            if done.value == State.DELETING:
                restored += KeyWordEntry.including_deleted.filter(pk__in=ids).restore(value)
                continue
            unchanged = KeyWordEntry.objects.filter(pk__in=ids, **{done.name: done.value})
            same = list(unchanged.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
            _set(same, done.name, value)
            restored += len(same)
    return restored


def keep(done: Change) -> str:
    """Keep a change for UNDO_FOR, and return the text by which take() finds it; empty if it cannot be kept."""
    token = secrets.token_urlsafe(16)
    with suppress(OSError):  # such as a full disk
        caches["default"].set(f"undo-{token}", done, UNDO_FOR.total_seconds())
        return token
    return ""


def take(token: str) -> Change | None:
    """Return the change that was kept as `token`, once; None if it is too late."""
    done: Change | None = caches["default"].get(f"undo-{token}")
    caches["default"].delete(f"undo-{token}")
    return done


def _locked(chosen: KeyWordEntryQuerySet, name: str, value: Any) -> dict[Any, list[int]]:
    """Lock those of the `chosen` keywords whose field `name` is not `value`, and return their ids by what it is."""
    ids = list(chosen.order_by().values_list("pk", flat=True))
    others = KeyWordEntry.objects.filter(pk__in=ids).exclude(**{name: value})
    before: dict[Any, list[int]] = {}
    for pk, present in others.select_for_update(no_key=True).order_by("pk").values_list("pk", name):
        before.setdefault(present, []).append(pk)
    return before


def _set(ids: Collection[int], name: str, value: Any) -> None:
    entries = KeyWordEntry.objects.filter(pk__in=ids)
    if name == "state":
        entries.set_state(value)
    else:
        entries.update(**{name: value})
        keywords_changed.send(KeyWordEntry, keyword_ids=list(ids))


def _ids(done: Change) -> list[int]:
    return [pk for ids in done.before.values() for pk in ids]
