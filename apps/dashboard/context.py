"""Context for every page."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from apps.dashboard import appearance
from apps.incidents import parts
from apps.incidents.models import Incident
from apps.quota import keys
from apps.quota.report import ScheduledSearches, scheduled_searches
from apps.videos.access import may_write
from apps.videos.models import Pause
from apps.videos.scheduling import pauses

PAGES = [
    ("home", "Videos"),
    ("keywords", "Keywords"),
    ("statistics", "Statistics"),
    ("quota-page", "Quota"),
    ("log", "Fetch log"),
    ("settings", "Settings"),
]
# Pages whose addresses are not below that of the page they belong to.
_BELOW = {"home": ["videos/", "rules/"], "settings": ["tokens/"]}


@dataclass(frozen=True, slots=True)
class Link:
    """A page in the navigation. `current` is the value of aria-current: "page", "true" for a page below it, or ""."""

    label: str
    address: str
    current: str


Kind = Incident.Kind
# Without these no keyword is fetched; beat is not needed for the first fetch.
_PARTS = {Kind.DATABASE_UNAVAILABLE, Kind.BROKER_UNAVAILABLE, Kind.WORKER_STOPPED, Kind.DISK_FULL}
_INVIDIOUS = {Kind.INVIDIOUS_UNAVAILABLE, Kind.INVIDIOUS_BLOCKED}
_YOUTUBE = {Kind.SEARCHES_USED_UP, Kind.PROJECT_SUSPENDED, Kind.KEYS_COOLING_DOWN}


class Present:
    """What keeps keywords from being fetched at the moment, each read when it is asked for first."""

    @cached_property
    def incidents(self) -> list[Incident]:
        """The open incidents that are problems; one query."""
        return [*parts.unsaved.values(), *Incident.objects.open().problems()]

    @cached_property
    def obstacle(self) -> Incident | None:
        return _obstacle(self.incidents)

    @property
    def can_fetch(self) -> bool:
        """Whether nothing prevents a first fetch; it may use what is kept for manual ones."""
        return self.obstacle is None and not self.waits_for_key

    @cached_property
    def pause(self) -> Pause | None:
        """That scheduled searches are used up; two queries, and those of the incidents."""
        incident = next((each for each in self.incidents if each.kind == Kind.SEARCHES_USED_UP), None)
        return pauses.present(incident, self._searches)

    @cached_property
    def waits_for_key(self) -> bool:
        """Whether nothing is searched before a person adds or repairs a key; two queries, the same ones."""
        return pauses.waits_for_key(self._searches)

    @cached_property
    def _searches(self) -> ScheduledSearches:
        return scheduled_searches()


def at_present(request: HttpRequest) -> Present:
    """Return what holds for the whole request."""
    present: Present = request.__dict__.setdefault("present", Present())
    return present


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Return the navigation, the appearance, who may change things, and what keeps keywords from being fetched."""
    pages = [_link(name, label, request.path) for name, label in PAGES]
    return {
        "pages": pages,
        "here": next((page.label for page in pages if page.current), ""),
        "theme": appearance.theme(request),
        "themes": appearance.THEMES,
        "thumbnails": appearance.shows_thumbnails(request),
        "demo": settings.DEMO,
        "may_write": may_write(request),
        "sign_in": settings.SIGN_IN,
        "present": at_present(request),
    }


def _link(name: str, label: str, path: str) -> Link:
    address = reverse(name)
    if path == address:
        return Link(label, address, "page")
    roots = [f"{reverse('home')}{below}" for below in _BELOW.get(name, [])]
    if name != "home":  # below which all addresses are
        roots.append(address)
    return Link(label, address, "true" if path.startswith(tuple(roots)) else "")


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
