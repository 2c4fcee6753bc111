"""The registry of API keys: which may be used now, and why the others may not.

The only writer of ApiKey.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import ledger
from apps.quota.models import ApiKey, keys_changed

# A cooldown of this length or more needs a person, and opens an incident.
LONG_COOLDOWN = timedelta(hours=1)


def fingerprint(key: str) -> str:
    """Return what identifies `key` without revealing it: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(key.encode()).hexdigest()[:16]


def sync(*, remove_missing: bool = True) -> None:
    """Update ApiKey from YT_KEYS: add new keys, remove missing ones, keep the state of the others.

    A key that was removed, and is added again later, starts as active. Only a start of Windhover removes keys: a
    command that runs with other settings must not lose a refusal.
    """
    configured = [(fingerprint(key), project) for project, key in settings.YT_KEYS]
    with transaction.atomic():
        if remove_missing:
            ApiKey.objects.exclude(fingerprint__in=[digest for digest, _ in configured]).delete()
        _close_resolved()
        rows = ApiKey.objects.in_bulk([digest for digest, _ in configured], field_name="fingerprint")
        projects = _projects(configured, rows)
        seen: dict[str, int] = {}
        for position, (digest, name) in enumerate(configured):
            seen[name] = seen.get(name, 0) + 1
            label = name or f"key {position + 1}"
            if name and seen[name] > 1:
                label = f"{name} ({seen[name]})"
            fields = {"position": position, "label": label, "project": projects[digest]}
            if digest in rows:
                # Not save(): `changed_at` says when the key's state changed.
                ApiKey.objects.filter(fingerprint=digest).update(**fields)
            else:
                # Another worker may add the same key at the same time.
                ApiKey.objects.get_or_create(fingerprint=digest, defaults=fields)
        for digest, row in rows.items():
            if row.project not in projects.values():
                ledger.move(row.project, projects[digest])


def record_consumer(key: ApiKey, consumer: str) -> bool:
    """Record Google's name of the key's project; return whether it is new."""
    if not consumer or not ApiKey.objects.filter(pk=key.pk).exclude(consumer=consumer).update(consumer=consumer):
        return False
    sync(remove_missing=False)
    return True


def in_service() -> list[ApiKey]:
    """Return the configured keys that are not refused, in the order of YT_KEYS; one query.

    None are while any project is suspended: continuing with another project's key would circumvent the suspension,
    which YouTube's developer policies forbid (III.D.6). Removing the suspended keys from YT_KEYS ends that.
    """
    return _in_service(ApiKey.objects.order_by("position"))


def usable() -> list[tuple[ApiKey, str]]:
    """Return the keys that may be used now, in the order of YT_KEYS, each with its secret; one query."""
    rows, secrets, now = ApiKey.objects.order_by("position"), configured_by_fingerprint(), timezone.now()
    if secrets.keys() - {row.fingerprint for row in rows}:
        sync(remove_missing=False)
        rows = rows.all()
    return [(row, secrets[row.fingerprint]) for row in _in_service(rows) if row.is_usable(now)]


def projects() -> set[str]:
    """Return the projects of the configured keys; one query."""
    return set(ApiKey.objects.filter(fingerprint__in=configured_by_fingerprint()).values_list("project", flat=True))


def is_suspended(keys: Iterable[ApiKey]) -> bool:
    """Return whether YouTube has suspended the project of any of `keys`."""
    return any(key.state == ApiKey.State.SUSPENDED for key in keys)


def refuse(key: ApiKey, reason: str) -> None:
    """Stop using `key` until a person acts."""
    # Another worker may have recorded that its project is suspended, which is worse.
    if _set_state(_not_suspended(key), ApiKey.State.REFUSED, reason):
        incidents.open(Incident.Kind.KEY_REFUSED, f"{key.label}: {reason}", subject=key.fingerprint)


def suspend(project: str, reason: str) -> None:
    """Stop using all keys of a suspended project, and with them all others: see in_service()."""
    _set_state(ApiKey.objects.filter(project=project), ApiKey.State.SUSPENDED, reason)
    incidents.open(Incident.Kind.PROJECT_SUSPENDED, f"{project}: {reason}", subject=project)


def cool_down(key: ApiKey, reason: str, cooldown: timedelta) -> None:
    """Stop using `key` for a while."""
    keys, until = _not_suspended(key).exclude(state=ApiKey.State.REFUSED), timezone.now() + cooldown
    if _set_state(keys, ApiKey.State.COOLING_DOWN, reason, until) and cooldown >= LONG_COOLDOWN:
        incidents.open(Incident.Kind.KEY_REFUSED, f"{key.label}: {reason}", subject=key.fingerprint, until=until)


def end_cooldown(key: ApiKey) -> None:
    """Record that YouTube has accepted a key after its cooldown."""
    if _set_state(ApiKey.objects.filter(pk=key.pk, state=ApiKey.State.COOLING_DOWN), ApiKey.State.ACTIVE, ""):
        _close_resolved()


def reactivate(*keys: ApiKey) -> int:
    """Use keys again, whatever their state, at a person's request; return how many."""
    count = _set_state(ApiKey.objects.filter(pk__in=[key.pk for key in keys]), ApiKey.State.ACTIVE, "")
    _close_resolved()
    return count


def _in_service(rows: Iterable[ApiKey]) -> list[ApiKey]:
    secrets = configured_by_fingerprint()
    if is_suspended(rows):
        return []
    return [row for row in rows if row.fingerprint in secrets and row.state != ApiKey.State.REFUSED]


def configured_by_fingerprint() -> dict[str, str]:
    """Return the keys of YT_KEYS by their fingerprints."""
    return {fingerprint(key): key for _, key in settings.YT_KEYS}


def _projects(configured: Sequence[tuple[str, str]], rows: Mapping[str, ApiKey]) -> dict[str, str]:
    """Return the project of each key, by fingerprint.

    A bare key is a project of its own until Google has named its project. Keys of one project, whatever they are
    called in YT_KEYS, share its quota: they get the first name given there, else Google's.
    """
    names: dict[str, str] = {}
    for digest, name in configured:
        if name and digest in rows and rows[digest].consumer:
            names.setdefault(rows[digest].consumer, name)
    return {
        digest: names.get(rows[digest].consumer, rows[digest].consumer)
        if digest in rows and rows[digest].consumer
        else name or f"key-{digest[:8]}"
        for digest, name in configured
    }


def _not_suspended(key: ApiKey) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(pk=key.pk).exclude(state=ApiKey.State.SUSPENDED)


def _close_resolved() -> None:
    """Close incidents that no longer apply, after keys or settings have changed."""
    stopped = [ApiKey.State.REFUSED, ApiKey.State.COOLING_DOWN]
    refused = ApiKey.objects.filter(state__in=stopped).values_list("fingerprint", flat=True)
    suspended = ApiKey.objects.filter(state=ApiKey.State.SUSPENDED).values_list("project", flat=True)
    incidents.close(Incident.Kind.KEY_REFUSED, except_subjects=list(refused))
    incidents.close(Incident.Kind.PROJECT_SUSPENDED, except_subjects=list(suspended))
    if not settings.YT_KEYS:
        for kind in (Incident.Kind.YOUTUBE_UNAVAILABLE, Incident.Kind.KEYS_COOLING_DOWN, *Incident.PAUSES):
            incidents.close(kind)
    if not settings.INVIDIOUS_URL:
        incidents.close(Incident.Kind.INVIDIOUS_UNAVAILABLE)
        incidents.close(Incident.Kind.INVIDIOUS_BLOCKED)


def _set_state(keys: QuerySet[ApiKey], state: ApiKey.State, reason: str, until: datetime | None = None) -> int:
    count = keys.update(state=state, reason=reason[:300], cooling_down_until=until, changed_at=timezone.now())
    if state != ApiKey.State.COOLING_DOWN:
        keys_changed.send(ApiKey)
    return count
