"""What drf-spectacular cannot know about the REST API: its errors, examples, and who must sign in."""

from threading import Lock
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.urls import get_script_prefix
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import exceptions
from rest_framework.request import Request

from apps.videos import examples, keywords
from apps.videos.errors import DETAILS, MEDIA_TYPE, PROBLEMS, NotWatched, TooLarge, Unavailable, problem, problem_of
from apps.videos.filters import KnownParameters

PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "Which problem it is: the address of its description. `about:blank`: `status` says all.",
        },
        "title": {"type": "string", "description": "The same for each problem of the type."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The status of the response."},
        "detail": {"type": "string", "description": "What is wrong with this request, in words."},
        "errors": {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
                    "required": ["detail", "code"],
                },
            },
            "description": "What is wrong with each parameter or field; `body`: with the body itself. "
            "Only of the type `invalid`.",
        },
    },
    "required": ["type", "title", "status", "detail"],
}

# What each error means, and an exception that is answered so.
ERRORS: dict[int, tuple[str, exceptions.APIException | None]] = {
    400: (
        "A parameter, field or value is unknown or invalid.",
        exceptions.ValidationError({"page_size": "Must be a whole number from 1 to 100."}),
    ),
    401: ("An account is needed, or the token is wrong.", exceptions.NotAuthenticated(DETAILS[401])),
    403: (
        "Sent with a token that may only read, by a page of another site, or without the CSRF token of the session.",
        exceptions.PermissionDenied("Cross-site requests may not change anything.", "cross_site"),
    ),
    404: (
        "There is no such keyword, video, log or page.",
        NotWatched('Not being watched: kestrel. Add it with POST /api/keywords/ and {"keyword": "..."}.'),
    ),
    406: ("The endpoint answers in JSON only.", exceptions.NotAcceptable()),
    412: (DETAILS[412], None),
    413: ("The body is too large.", TooLarge()),
    415: ("Bodies must be JSON.", exceptions.UnsupportedMediaType("text/plain")),
    429: ("Too many requests; `Retry-After` is the time to wait, in seconds.", exceptions.Throttled(wait=30)),
    431: ("The address or the headers are too long.", None),  # the web server itself answers
    503: (
        "The database is not available, or too many exports are being read; `Retry-After` says when to try again.",
        Unavailable(),
    ),
}

# What a schema cannot say. Not `uri`, since both may be empty.
FORMATS = {"notify_urls": "apprise-urls", "notify_webhook": "http-url"}

# Answers without JSON.
EMPTY = {
    304: "Not modified: the client has this response already.",
    414: "Only behind a reverse proxy: the address is too long for it.",
}

TAGS = [
    {"name": "videos", "description": "The videos that were found."},
    {"name": "keywords", "description": "The keywords that are watched."},
    {"name": "logs", "description": "Each fetch: what started it, what it found and used, and why it failed."},
    {"name": "quota", "description": "The searches of the day, and how they are divided."},
    {"name": "service", "description": "Windhover itself."},
]

PATH_PARAMETERS = {
    "id": ("The `id` that its list shows.", 1),
    "video_id": ("YouTube's id of the video.", examples.VIDEO["video_id"]),
    "type": ("The type of the file.", "csv"),
    "keyword": ("The keyword in any case and spacing, percent-encoded: `AC%2FDC`.", "kestrel"),
}


class SchemaView(KnownParameters, SpectacularAPIView):
    """The schema, which each process generates once in each format.

    drf-spectacular fails if two threads generate it at the same time, and takes as long as hundreds of other requests.
    It also puts any `version` of the address into the schema and its file name.
    """

    generated: ClassVar[dict[tuple[str, str, str], bytes]] = {}
    one_at_a_time = Lock()

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        # Addresses in it begin with the path of the public address, if the request did.
        key = (renderer.media_type, get_script_prefix(), settings.SIGN_IN)
        with self.one_at_a_time:
            if key not in self.generated:
                generator: Any = self.generator_class()
                schema = generator.get_schema(request=None, public=True)
                self.generated[key] = renderer.render(schema, renderer_context={})
        content_type = renderer.media_type + (f"; charset={renderer.charset}" if renderer.charset else "")
        disposition = f'inline; filename="Windhover.{renderer.format}"'
        return HttpResponse(
            self.generated[key], content_type=content_type, headers={"Content-Disposition": disposition}
        )


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add errors, examples, what parameters mean, and optional authentication; a hook of drf-spectacular."""
    result["tags"] = [*TAGS, _problems()]
    schemas = result["components"]["schemas"]
    schemas["Problem"] = PROBLEM
    strict = (
        "Keyword",
        "PatchedKeyword",
        "Previewed",
        "KeywordItem",
        "KeywordItems",
        "PatchedMarks",
        "MarksOfMany",
        "NewRule",
    )
    for name in strict:
        schemas[name]["additionalProperties"] = False  # unknown fields are refused
        for field, known in FORMATS.items():
            if field in schemas[name]["properties"]:
                schemas[name]["properties"][field]["format"] = known
    result["components"]["responses"] = {f"Problem{status}": _error(status) for status in ERRORS}
    for item in result["paths"].values():
        for method, operation in item.items():
            _add_examples(operation)
            _add_answers(method, operation)
            if operation.get("security") and not _must_sign_in(method):
                operation["security"] = [{}, *operation["security"]]
            for parameter in operation.get("parameters", []):
                _describe(parameter)
    return result


def _problems() -> dict[str, Any]:
    """Return a tag without operations, which Redoc shows as a section: the `type` of a problem leads there."""
    described = [f"# {code}\n\n{known.status} {known.title}. {known.description}" for code, known in PROBLEMS.items()]
    description = "\n\n".join(["What the `type` of an error means.", *described])
    return {"name": "problems", "x-traitTag": True, "description": description}


def _error(status: int) -> dict[str, Any]:
    description, error = ERRORS[status]
    answer = problem_of(error) if error else problem(status, description)
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": orjson.loads(answer.content)}
    response: dict[str, Any] = {"description": description, "content": {MEDIA_TYPE: content}}
    if hasattr(error, "wait"):
        schema = {"type": "integer", "minimum": 1}
        response["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": schema}}
    return response


def _add_examples(operation: dict[str, Any]) -> None:
    contents = [(operation["requestBody"], examples.REQUESTS)] if "requestBody" in operation else []
    contents += [(answer, examples.RESPONSES) for answer in operation["responses"].values() if "content" in answer]
    for holder, known in contents:
        for media_type, content in holder["content"].items():
            if (example := known.get(operation["operationId"], examples.FILES.get(media_type))) is not None:
                content["example"] = example


def _add_answers(method: str, operation: dict[str, Any]) -> None:
    answers: dict[int, dict[str, Any]] = {
        status: {"$ref": f"#/components/responses/Problem{status}"} for status in _statuses(method, operation)
    }
    answers |= {status: {"description": description} for status, description in EMPTY.items() if status in answers}
    for answer in operation["responses"].values():
        answer["description"] = answer["description"] or "Success."
    for status, answer in sorted(answers.items()):
        operation["responses"].setdefault(str(status), answer)


def _statuses(method: str, operation: dict[str, Any]) -> set[int]:
    """Return what an operation may answer besides what its view declares."""
    parameters = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
    media_types = {media_type for answer in operation["responses"].values() for media_type in answer.get("content", ())}
    statuses = {400, 413, 414, 431, 503}
    if operation.get("security"):  # all but health checks, which have no limit either
        statuses |= {401, 429}
    # Something that a parameter names may be missing; a keyword may be deleted while it is added or previewed.
    adds_keyword = operation["operationId"] in ("add_keyword", "preview_keyword")
    if adds_keyword or any(where == "path" or name in ("page", "keyword") for where, name in parameters):
        statuses |= {404}
    if media_types <= {"application/json"}:  # a feed or an export ignores what a client accepts
        statuses |= {406}
    if method == "get" and "text/plain" not in media_types:  # exports are streamed, and metrics differ each time
        statuses |= {304, 412}
    if method != "get":
        statuses |= {403}
    if method not in ("get", "delete"):
        statuses |= {415}
    return statuses


def _must_sign_in(method: str) -> bool:
    return settings.SIGN_IN == "all" or (settings.SIGN_IN == "write" and method != "get")


def _describe(parameter: dict[str, Any]) -> None:
    if parameter["in"] == "path":
        parameter["description"], parameter["example"] = PATH_PARAMETERS[parameter["name"]]
    if parameter["name"] in ("id", "page", "page_size"):
        parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    if (parameter["name"], parameter["in"]) == ("keyword", "path"):
        parameter["schema"] = dict(keywords.SCHEMA)
