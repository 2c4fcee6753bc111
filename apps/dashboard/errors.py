"""Error pages for which Django has no view of its own."""

import sys

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults

from apps.videos.errors import RETRY_AFTER


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    response = defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        response.status_code = 413
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected exception; that a database is locked, read-only or unavailable passes, so it is a 503."""
    # PostgreSQL that is read-only, as while another server takes over, is an InternalError.
    if not isinstance(sys.exc_info()[1], (OperationalError, InterfaceError, InternalError)):
        return defaults.server_error(request)
    page = loader.get_template("503.html").render()
    return HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER})
