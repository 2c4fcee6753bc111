"""Context for every page."""

from itertools import chain
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.incidents import parts
from apps.incidents.models import Incident
from apps.videos.access import may_write

PAGES = [("home", "Videos"), ("keywords", "Keywords"), ("quota-page", "Quota"), ("log", "Fetch log")]


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Return the navigation, who may change things, and the open incidents; one query, made if a page shows them."""
    return {
        "pages": PAGES,
        "demo": settings.DEMO,
        "may_write": may_write(request),
        "sign_in": settings.SIGN_IN,
        "incidents": chain(parts.unsaved.values(), Incident.objects.open()),
    }
