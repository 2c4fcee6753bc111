"""Requests as they arrive, before any view reads them: text is UTF-8, and no address contains NUL."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponse


class Request(WSGIRequest):
    """A request whose Content-Type may be anything: one that cannot be read counts as missing."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # the stubs lack it
        except Exception:  # Python's email package raises many kinds; here nothing would answer the request
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    request_class = Request


class TextMiddleware:
    """Read all text as UTF-8, and refuse addresses with NUL, which PostgreSQL cannot compare with anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Django takes the charset from Content-Type, and Python knows some that are not for text: hex, zip, rot13.
        request.encoding = "utf-8"
        if "\0" in request.path or "\0" in unquote(request.META.get("QUERY_STRING", ""), "latin-1"):
            raise BadRequest("An address cannot contain NUL.")
        # Quoted cookies can contain any character.
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if "\0" not in value}
        return self.get_response(request)
