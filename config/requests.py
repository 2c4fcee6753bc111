"""Requests with content that Django or the database cannot use."""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import DataError, IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)


class Request(WSGIRequest):
    """A request whose Content-Type may be anything: one that cannot be read counts as missing.

    It is answered as a whole, as RFC 9110, 14.2 allows: WhiteNoise would answer 416 to ranges of one byte, which are
    valid, and ignores If-Range. Static files are small.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        environ.pop("HTTP_RANGE", None)
        super().__init__(environ)

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs lack it
        except Exception:  # Python's email package raises many kinds; here nothing would answer the request
            self.content_type, self.content_params = "", {}
            meta["CONTENT_TYPE"] = ""  # REST framework reads it again


class Handler(WSGIHandler):
    """Answer HEAD without a body, which waitress would send: the client would take it for the next response."""

    request_class = Request

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        response = super().get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            # Even if the view set none: waitress would end the response with an empty chunk.
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class AdminFiltersMiddleware:
    """Show a list of the admin without its filters if they, or the chosen rows, are invalid.

    Django's admin does this for most invalid filters and passes the others on to the database, which fails. So do its
    forms with an id that is too large, and on SQLite a search of some hundred words: those are bad requests. A form
    that another one has overtaken is handled again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        view = request.resolver_match
        if view is None or view.app_name != "admin":
            return None
        if isinstance(error, IntegrityError) and request.method == "POST":
            # Another request, as of a double click, has just stored the same. Now the form finds it, and says so.
            answer: HttpResponse = view.func(request, *view.args, **view.kwargs)
            return answer
        is_list = str(view.url_name).endswith("_changelist")
        if not is_list and isinstance(error, (OverflowError, DataError)):
            raise BadRequest("A value is too large for the database.") from error
        if isinstance(error, OperationalError) and "Expression tree is too large" in str(error):
            raise BadRequest("The search has too many words.") from error
        unusable = (
            isinstance(error, (ValueError, OverflowError, DataError)) if request.method == "POST" else request.GET
        )
        # Without filters, any other error happens again, and is shown.
        if not is_list or not unusable or ERROR_FLAG in request.GET:
            return None
        logger.warning("unusable filters or rows in %s", request.path, exc_info=error)
        return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")


class TextMiddleware:
    """Read all text as UTF-8, and refuse addresses with NUL, which PostgreSQL cannot compare with anything.

    The API's `search` takes any text: people paste it from anywhere.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Django takes the charset from Content-Type, and Python knows some that are not for text: hex, zip, rot13.
        request.encoding = "utf-8"
        if has_nul(request):
            raise BadRequest("An address cannot contain NUL.")
        # Quoted cookies can contain any character.
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if "\0" not in value}
        return self.get_response(request)


def has_nul(request: HttpRequest) -> bool:
    """Return whether the address has NUL in it, apart from the text of a search in the API."""
    if "\0" not in unquote(request.META.get("QUERY_STRING", ""), "latin-1"):
        return "\0" in request.path
    searches = ["search"] if request.path_info.startswith("/api/") else []
    others = [text for name, values in request.GET.lists() if name not in searches for text in (name, *values)]
    return "\0" in request.path + "".join(others)
