"""What every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from apps.quota.models import ApiKey
from apps.videos.access import may_write
from apps.videos.models import VideoLog

PAGES = [("home", "Videos"), ("keywords", "Keywords"), ("log", "Log")]


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Return who may do what, and what keeps Windhover from fetching: two queries, made where a page asks."""
    return {
        "pages": PAGES,
        "demo": settings.DEMO,
        "may_write": may_write(request),
        "sign_in": settings.SIGN_IN,
        "refused_keys": ApiKey.objects.filter(state__in=[ApiKey.State.REFUSED, ApiKey.State.SUSPENDED]),
        "waits": VideoLog.objects.still_waiting(timezone.now())[:1],
    }
