"""Context for every page."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.incidents import parts
from apps.incidents.models import Incident
from apps.quota import keys
from apps.videos.access import may_write

PAGES = [("home", "Videos"), ("keywords", "Keywords"), ("quota-page", "Quota"), ("log", "Fetch log")]

Kind = Incident.Kind
# Without these no keyword is fetched; beat is not needed for the first fetch.
_PARTS = {Kind.BROKER_UNAVAILABLE, Kind.WORKER_STOPPED, Kind.DISK_FULL}
_INVIDIOUS = {Kind.INVIDIOUS_UNAVAILABLE, Kind.INVIDIOUS_BLOCKED}
_YOUTUBE = {Kind.SEARCHES_USED_UP, Kind.PROJECT_SUSPENDED, Kind.KEYS_COOLING_DOWN}


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Return the navigation, who may change things, and the open incidents; one query, made if a page shows them."""

    @cache
    def incidents() -> list[Incident]:
        return [*parts.unsaved.values(), *Incident.objects.open()]

    return {
        "pages": PAGES,
        "demo": settings.DEMO,
        "may_write": may_write(request),
        "sign_in": settings.SIGN_IN,
        "incidents": incidents,
        "obstacle": lambda: _obstacle(incidents()),
    }


def _obstacle(incidents: list[Incident]) -> Incident | None:
    """Return the open incident that prevents all fetches now, or None."""
    kinds = {incident.kind for incident in incidents}
    without_invidious = not settings.INVIDIOUS_URL or kinds & _INVIDIOUS

    def prevents(incident: Incident) -> bool:
        match incident.kind:
            case Kind.YOUTUBE_UNAVAILABLE:
                prevents_youtube = incident.subject == "search"
            case Kind.KEY_REFUSED:
                prevents_youtube = not keys.in_service()
            case kind:
                prevents_youtube = kind in _YOUTUBE
        return incident.kind in _PARTS or bool(prevents_youtube and without_invidious)

    return next(filter(prevents, incidents), None)
