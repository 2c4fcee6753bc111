"""What drf-spectacular cannot know about the REST API: its errors, and who must sign in."""

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
    403: "Sent by a page of another site, or without the CSRF token of the session.",
    404: "There is no such keyword, video, log or page.",
    405: "The endpoint does not allow this method.",
    406: "The endpoint answers in JSON only.",
    413: "The body is too large.",
    415: "Bodies must be JSON.",
    503: "The database is not available; `Retry-After` says when to try again.",
}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add errors, limits of ids and pages, and optional authentication; a hook of drf-spectacular."""
    schemas = result["components"]["schemas"]
    schemas |= {"Error": ERROR, "Invalid": INVALID}
    for name in ("Keyword", "PatchedKeyword"):
        schemas[name]["additionalProperties"] = False  # unknown fields are refused
    for path, item in result["paths"].items():
        for method, operation in item.items():
            if path != "/ping/":
                _add_errors(method, operation)
            if operation.get("security") and not _must_sign_in(method):
                operation["security"] = [{}, *operation["security"]]
            for parameter in operation.get("parameters", []):
                _limit(parameter)
    return result


def _add_errors(method: str, operation: dict[str, Any]) -> None:
    statuses = {400, 401, 404, 405, 406, 503}
    if method != "get":
        statuses |= {403}
    if "requestBody" in operation or method == "post":
        statuses |= {413, 415}
    for status in sorted(statuses):
        schema = {"$ref": f"#/components/schemas/{'Invalid' if status == 400 else 'Error'}"}
        answer = {"content": {"application/json": {"schema": schema}}, "description": DESCRIPTIONS[status]}
        operation["responses"].setdefault(str(status), answer)


def _must_sign_in(method: str) -> bool:
    return settings.SIGN_IN == "all" or (settings.SIGN_IN == "write" and method != "get")


def _limit(parameter: dict[str, Any]) -> None:
    if parameter["name"] in ("id", "page", "page_size"):
        parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    if (parameter["name"], parameter["in"]) == ("keyword", "path"):
        parameter["schema"] = dict(keywords.SCHEMA)
