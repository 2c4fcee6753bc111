"""Errors of the REST API: all are problems as RFC 9457 describes them, and none exposes internals."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from json import JSONDecodeError
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson
from django.conf import settings
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    ParseError,
    PermissionDenied,
    Throttled,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.parsers import JSONParser
from rest_framework.settings import api_settings

if TYPE_CHECKING:  # the views import the parser below
    from rest_framework.views import APIView

# Also for clients that accept application/json only, as in the examples of RFC 9457: they can read it.
MEDIA_TYPE = "application/problem+json"

RETRY_AFTER = 10  # seconds


class Problem(NamedTuple):
    status: int
    title: str
    description: str


# The problems of which more can be said than their status, by the last part of their `type`; the others have the type
# about:blank. Clients compare these: none is renamed.
PROBLEMS = {
    "invalid": Problem(
        400,
        "Invalid parameters or fields",
        "Parameters of the address, or fields of the body, are unknown or invalid. `errors` has a list for each.",
    ),
    "parse_error": Problem(400, "Malformed JSON", "The body is not JSON, or is nested too deeply."),
    "not_authenticated": Problem(401, "Sign-in required", "Sign in, or send a token: `Authorization: Token ...`."),
    "authentication_failed": Problem(401, "Wrong token", "The token is wrong, or its account is not active."),
    "cross_site": Problem(
        403, "Cross-site request", "A page of another site sent the request. Only reading is allowed to those."
    ),
    "not_watched": Problem(
        404, "Keyword not being watched", 'Add it with `POST /api/keywords/` and `{"keyword": "..."}`.'
    ),
    "unavailable": Problem(
        503, "Database not available", "Send the same request again after the seconds of `Retry-After`."
    ),
}

# Errors that are answered before a view of the API is reached, or that it did not expect.
DETAILS = {
    400: "The request is invalid: its address, format or headers, or its host name is not listed in ALLOWED_HOSTS.",
    401: "Sign in first: this needs a session or an API token.",
    403: "Not allowed.",
    404: "Not found. /api/ lists all endpoints.",
    405: "This endpoint does not allow this method.",
    406: "This endpoint has none of the formats that the request accepts.",
    412: "A condition of the request is not met: If-Match or If-Unmodified-Since.",
    413: "The request is too large.",
    415: "The body must be JSON. Send it with the header Content-Type: application/json.",
    429: "Too many requests.",
    500: "Server error. This is not your fault. The web server's log has the details.",
    503: "The database is not available. Try again later.",
}


_FOR_PROGRAMS = re.compile("/(api|ping|healthz|metrics)(/|$)")


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = DETAILS[413]
    default_code = "too_large"


class Unavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = DETAILS[503]
    default_code = "unavailable"
    wait = RETRY_AFTER  # REST framework's name for Retry-After


class NotWatched(NotFound):
    default_code = "not_watched"


class NestedTooDeeply(ParseError):
    default_detail = "The body is nested too deeply."


class BoundedJSONParser(JSONParser):
    """Parse JSON of limited size and depth, and of whole characters."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping | None = None) -> Any:
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
            raise TooLarge
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise NestedTooDeeply from None
        except ParseError as error:
            cause = error.__context__
            place = f" (line {cause.lineno}, column {cause.colno})" if isinstance(cause, JSONDecodeError) else ""
            raise ParseError(f"The body is not JSON{place}.") from error
        check_showable(data)
        return data


def check_showable(data: Any, levels: int = 10) -> None:
    """Raise ParseError for JSON that no response could quote: nested deeply, or with an unpaired surrogate."""
    if isinstance(data, dict | list):
        if not levels:
            raise NestedTooDeeply
        for item in [*data, *data.values()] if isinstance(data, dict) else data:
            check_showable(item, levels - 1)
    elif isinstance(data, str) and not data.isascii():
        try:
            data.encode()
        except UnicodeEncodeError:
            raise ParseError("The body has half a character: an unpaired surrogate.") from None


def problem(status: int, detail: str, code: str = "", **members: Any) -> HttpResponse:
    """Return a problem: of the type `code`, or one of which the status says all; `members` are added to its JSON."""
    known = PROBLEMS.get(code)
    content = {
        "type": reverse("problem", args=[code]) if known else "about:blank",
        "title": known.title if known else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return HttpResponse(orjson.dumps(content), status=status, content_type=MEDIA_TYPE)


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer an error of a view in Windhover's words; what is missing is named by the view (`not_found`)."""
    from rest_framework.views import exception_handler  # which imports the parser above

    if isinstance(error, Http404):
        error = NotFound(getattr(context["view"], "not_found", DETAILS[404]))
    elif isinstance(error, DjangoPermissionDenied):
        error = PermissionDenied(DETAILS[403])
    if not isinstance(error, APIException):
        return None
    headers = exception_handler(error, context).headers  # type: ignore[union-attr]  # not of an APIException
    answer = problem_of(error, context["view"])
    for name in ("WWW-Authenticate", "Retry-After"):
        if name in headers:
            answer.headers[name] = headers[name]
    return answer


def problem_of(error: APIException, view: "APIView | None" = None) -> HttpResponse:
    """Return the problem that an exception is; of several invalid fields its detail has the first one, in words."""
    if not isinstance(error, ValidationError):
        return problem(error.status_code, _in_words(error, view), str(error.get_codes()))
    errors: dict[str, list[dict[str, str]]] = {}
    for name, message in _named(error.detail):
        name = name or api_settings.NON_FIELD_ERRORS_KEY
        errors.setdefault(name, []).append({"detail": message, "code": str(message.code)})
    (name, (first, *_)), *others = errors.items()
    more = f" ({len(others)} more in `errors`.)" if others else ""
    return problem(error.status_code, f"{name}: {first['detail']}{more}", "invalid", errors=errors)


def _in_words(error: APIException, view: "APIView | None") -> str:
    """Return the detail of an error, in other words than REST framework's where those are not plain."""
    if isinstance(error, Throttled):
        seconds = getattr(error, "wait", None)
        return f"{DETAILS[429]} Try again in {seconds} seconds." if seconds else DETAILS[429]
    if isinstance(error, MethodNotAllowed) and view:
        return f"{DETAILS[405]} {there_are(view.allowed_methods)}"
    if isinstance(error, NotAcceptable):
        media_types = [str(renderer.media_type) for renderer in view.get_renderers()] if view else ["application/json"]
        return f"{DETAILS[406]} {there_are(media_types)}"
    return DETAILS[415] if isinstance(error, UnsupportedMediaType) else str(error.detail)


def there_are(names: Iterable[str]) -> str:
    """Return a sentence that lists what there is, after one about something that there is not."""
    names = ", ".join(names)
    return f"There are: {names}." if names else "There are none."


def one_of(names: Iterable[str]) -> str:
    return f"Must be one of: {', '.join(names)}."


def whole_number(minimum: int, maximum: int) -> str:
    return f"Must be a whole number from {minimum} to {maximum}."


# What may be wrong with a parameter or a field, whatever its type.
REQUIRED = "Must be given."
NULL = "Must not be null."
BLANK = "Must not be empty."


def _named(detail: Any, name: str = "") -> Iterator[tuple[str, ErrorDetail]]:
    """Yield each message of a ValidationError with the field it is about, `outer.inner` if fields are nested."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _named(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _named(inner, name)
    else:
        yield name, detail


class ProblemsMiddleware:
    """Replace error pages by problems at addresses for programs. The first middleware: others answer errors, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_problem = response.headers.get("Content-Type") == MEDIA_TYPE
        if response.status_code < 400 or is_problem or not _FOR_PROGRAMS.match(request.path_info):
            return response
        status = response.status_code
        detail = DETAILS.get(status, response.reason_phrase)
        answer = problem(status, detail, "unavailable" if status == 503 else "")
        answer.headers["Content-Length"] = str(len(answer.content))
        # With the other headers: Allow, Retry-After, Vary and those for security.
        response.headers.pop("Content-Encoding", None)
        for name, value in response.headers.items():
            answer.headers.setdefault(name, value)
        return answer
