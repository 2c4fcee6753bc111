"""What drf-spectacular cannot know about the REST API: its other answers, and who must sign in."""

from typing import Any

from django.conf import settings

from apps.videos import keywords

ERROR = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
INVALID = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    },
    "description": "What is wrong with each parameter or field, or `detail`.",
}

DESCRIPTIONS = {
    400: "A parameter, field or value is unknown or invalid.",
    401: "An account is needed, or the token is wrong.",
    403: "Sent with a token that may only read, by a page of another site, or without the CSRF token of the session.",
    404: "There is no such keyword, video, log or page.",
    405: "The endpoint does not allow this method.",
    406: "The endpoint answers in JSON only.",
    413: "The body is too large.",
    415: "Bodies must be JSON.",
    429: "Too many requests; `Retry-After` is the time to wait, in seconds.",
    431: "The address or the headers are too long.",
    503: "The database is not available; `Retry-After` says when to try again.",
}

# What a schema cannot say. Not `uri`, since both may be empty.
FORMATS = {"notify_urls": "apprise-urls", "notify_webhook": "http-url"}

# Answers without JSON.
NOT_MODIFIED = "Not modified: the client has this response already."
OF_PROXIES = {
    414: "Only behind a reverse proxy: the address is too long for it.",
}

PATH_PARAMETERS = {
    "id": "The `id` that its list shows.",
    "video_id": "YouTube's id of the video.",
    "keyword": "The keyword in any case and spacing, percent-encoded: `AC%2FDC`.",
}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add other answers, what parameters mean, and optional authentication; a hook of drf-spectacular."""
    schemas = result["components"]["schemas"]
    schemas |= {"Error": ERROR, "Invalid": INVALID}
    for name in ("Keyword", "PatchedKeyword", "Previewed"):
        schemas[name]["additionalProperties"] = False  # unknown fields are refused
        for field, known in FORMATS.items():
            if field in schemas[name]["properties"]:
                schemas[name]["properties"][field]["format"] = known
    for item in result["paths"].values():
        for method, operation in item.items():
            _add_answers(method, operation)
            if operation.get("security") and not _must_sign_in(method):
                operation["security"] = [{}, *operation["security"]]
            for parameter in operation.get("parameters", []):
                _describe(parameter)
    return result


def _add_answers(method: str, operation: dict[str, Any]) -> None:
    statuses = {400, 404, 405, 406, 413, 429, 431, 503}
    if operation.get("security"):
        statuses |= {401}
    if method != "get":
        statuses |= {403, 415}
    answers = {
        status: {
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{'Invalid' if status == 400 else 'Error'}"}
                }
            },
            "description": DESCRIPTIONS[status],
        }
        for status in statuses
    }
    empty = OF_PROXIES | ({304: NOT_MODIFIED} if method == "get" else {})
    answers |= {status: {"description": description} for status, description in empty.items()}
    for status, answer in sorted(answers.items()):
        operation["responses"].setdefault(str(status), answer)
    for answer in operation["responses"].values():
        answer["description"] = answer["description"] or "Success."


def _must_sign_in(method: str) -> bool:
    return settings.SIGN_IN == "all" or (settings.SIGN_IN == "write" and method != "get")


def _describe(parameter: dict[str, Any]) -> None:
    if parameter["in"] == "path":
        parameter["description"] = PATH_PARAMETERS[parameter["name"]]
    if parameter["name"] in ("id", "page", "page_size"):
        parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    if (parameter["name"], parameter["in"]) == ("keyword", "path"):
        parameter["schema"] = dict(keywords.SCHEMA)
