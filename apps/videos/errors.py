"""Errors of the REST API: all are JSON, {"detail": "..."}, and none exposes internals."""

from collections.abc import Callable, Mapping
from typing import IO, Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.response import Response

# Errors that are answered before a view of the API is reached, or that it did not expect.
DETAILS = {
    400: "The request is invalid: its address, format or headers, or its host name is not listed in ALLOWED_HOSTS.",
    403: "Not allowed.",
    404: "Not found. /api/ lists all endpoints.",
    405: "This endpoint does not allow this method.",
    406: "This endpoint does not support the requested format.",
    413: "The request is too large.",
    500: "Server error. This is not your fault. The web server's log has the details.",
    503: "The database is not available. Try again later.",
}


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = DETAILS[413]
    default_code = "too_large"


class BoundedJSONParser(JSONParser):
    """Parse JSON of limited size and depth, and of whole characters."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping | None = None) -> Any:
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
            raise TooLarge
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error: nested too deeply") from None
        check_showable(data)
        return data


def check_showable(data: Any, levels: int = 10) -> None:
    """Raise ParseError for JSON that no response could quote: nested deeply, or with an unpaired surrogate."""
    if isinstance(data, dict | list):
        if not levels:
            raise ParseError("JSON parse error: nested too deeply")
        for item in [*data, *data.values()] if isinstance(data, dict) else data:
            check_showable(item, levels - 1)
    elif isinstance(data, str) and not data.isascii():
        try:
            data.encode()
        except UnicodeEncodeError:
            raise ParseError("JSON parse error: unpaired surrogate") from None


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an error of a view; what is missing is named by the view (`not_found`), not by its model."""
    from rest_framework.views import exception_handler  # which imports the parser above

    if isinstance(error, Http404):
        error = NotFound(getattr(context["view"], "not_found", DETAILS[404]))
    return exception_handler(error, context)


class JSONErrorsMiddleware:
    """Below /api/, replace error pages by JSON. The first middleware, since others answer errors, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        if response.status_code < 400 or is_json or not request.path_info.startswith("/api/"):
            return response
        detail = DETAILS.get(response.status_code, response.reason_phrase)
        answer = JsonResponse({"detail": detail}, status=response.status_code)
        # With the other headers: Allow, Retry-After, Vary and those for security.
        for name in ("Content-Length", "Content-Encoding"):
            response.headers.pop(name, None)
        for name, value in response.headers.items():
            answer.headers.setdefault(name, value)
        return answer
