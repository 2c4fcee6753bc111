"""What every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.quota.models import Trouble
from apps.videos.access import may_write

PAGES = [("home", "Videos"), ("keywords", "Keywords"), ("quota-page", "Quota"), ("log", "Log")]


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Return who may do what, and what keeps Windhover from fetching: one query, made where a page asks."""
    return {
        "pages": PAGES,
        "demo": settings.DEMO,
        "may_write": may_write(request),
        "sign_in": settings.SIGN_IN,
        "troubles": Trouble.objects.open(),
    }
