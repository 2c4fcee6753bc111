"""What every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.videos.access import may_write


def every_page(request: HttpRequest) -> dict[str, Any]:
    return {"demo": settings.DEMO, "may_write": may_write(request), "sign_in": settings.SIGN_IN}
