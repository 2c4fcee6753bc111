"""Error pages for which Django has no view of its own."""

import sys

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

from apps.dashboard import appearance
from apps.videos.errors import RETRY_AFTER


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(request, "400.html", 413 if isinstance(exception, RequestDataTooBig) else 400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected exception; that a database is locked, read-only or unavailable passes, so it is a 503."""
    # PostgreSQL that is read-only, as while another server takes over, is an InternalError.
    if not isinstance(sys.exc_info()[1], (OperationalError, InterfaceError, InternalError)):
        return _plain(request, "500.html", 500)
    response = _plain(request, "503.html", 503)
    response.headers["Retry-After"] = RETRY_AFTER
    return response


def _plain(request: HttpRequest, template: str, status: int) -> HttpResponse:
    page = loader.get_template(template).render({"theme": appearance.theme(request)})
    return HttpResponse(page, status=status)
