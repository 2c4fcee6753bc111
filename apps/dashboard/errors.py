"""Error pages: Django has no view for some, and others of its own read the form, which fails if it is malformed."""

import sys

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
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


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def _plain(request: HttpRequest, template: str, status: int) -> HttpResponse:
    page = loader.get_template(template).render({"theme": appearance.theme(request)})
    return HttpResponse(page, status=status)
