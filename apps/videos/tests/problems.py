"""Read the errors of the REST API, and check that each is a problem as RFC 9457 describes it."""

from typing import Any

from apps.videos.errors import PROBLEMS

MEMBERS = {"type", "title", "status", "detail"}
# All that docs/api.md lists.
CODES = {
    "unknown", "required", "null", "blank", "repeated", "invalid_choice", "min_value", "max_value", "max_length",
    "max_string_length", "control", "invisible", "other", "invalid",
}  # fmt: skip


def problem(answer: Any, status: int) -> dict[str, Any]:
    """Return the problem in `answer`, of Django's test client or of wsgi.ask()."""
    assert (getattr(answer, "status_code", None) or answer.status) == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = dict(answer.json())
    assert body["status"] == status
    assert all(isinstance(body[name], str) and body[name] for name in MEMBERS - {"status"})
    code = body["type"].removeprefix("/api/problems/")
    assert code == "about:blank" or PROBLEMS[code].status == status
    assert body.keys() == MEMBERS | ({"errors"} if code == "invalid" else set())
    for errors in body.get("errors", {}).values():
        assert errors
        assert all(error["detail"] and error["code"] in CODES for error in errors)
    return body


def errors(answer: Any) -> dict[str, list[str]]:
    """Return what is wrong with each parameter or field."""
    invalid = problem(answer, 400)["errors"]
    return {name: [error["detail"] for error in errors] for name, errors in invalid.items()}
