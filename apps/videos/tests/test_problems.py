"""The errors of the REST API: their types, and the codes of what is wrong with a parameter or field."""

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.exceptions import Throttled, ValidationError

from apps.videos.errors import PROBLEMS
from apps.videos.models import KeyWordEntry
from apps.videos.tests.problems import errors, problem
from apps.videos.tests.wsgi import ask
from apps.videos.views import QuotaView

pytestmark = pytest.mark.django_db

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "address", "headers", "body", "status", "code"),
    [
        ("GET", "/api/videos/?x=1", {}, b"", 400, "invalid"),
        ("POST", "/api/keywords/", JSON, b"{", 400, "parse_error"),
        ("POST", "/api/keywords/", JSON, b"{}", 401, "not_authenticated"),
        ("GET", "/api/videos/", {"Authorization": "Token x"}, b"", 401, "authentication_failed"),
        ("POST", "/api/keywords/", JSON | {"Sec-Fetch-Site": "cross-site"}, b"{}", 403, "cross_site"),
        ("GET", "/api/keyword/kestrel/videos/", {}, b"", 404, "not_watched"),
        ("GET", "/api/keywords/1/", {}, b"", 404, ""),
        ("GET", "/api/nothing/", {}, b"", 404, ""),
        ("POST", "/ping/", {}, b"", 405, ""),
        ("GET", "/ping", {"Accept": "text/html"}, b"", 406, ""),
        ("GET", "/api", {"Host": "evil.example"}, b"", 400, ""),
        ("GET", "/ping/", {"Host": "evil.example"}, b"", 400, ""),
    ],
)
def test_each_error_has_a_type(
    settings: Any, method: str, address: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    settings.SIGN_IN = "off" if code == "parse_error" else "write"
    shown = problem(ask(method, address, headers, body), status)
    assert shown["type"] == (f"/api/problems/{code}" if code else "about:blank")
    assert not code or shown["title"] == PROBLEMS[code].title


def test_clients_that_accept_only_json_can_read_it() -> None:
    for accepted in ("application/json", "application/problem+json, application/json", "*/*"):
        assert problem(ask("GET", "/api/videos/?x=1", {"Accept": accepted}), 400)


def test_a_type_leads_to_its_description(client: Client) -> None:
    tags = client.get("/api/schema/?format=json").json()["tags"]
    (description,) = [tag["description"] for tag in tags if tag["name"] == "problems"]
    for code, known in PROBLEMS.items():
        assert client.get(f"/api/problems/{code}").headers["Location"] == f"/api/redoc#tag/problems/{code}"
        assert f"# {code}\n\n{known.status} {known.title}. {known.description}" in description
    assert problem(client.get("/api/problems/nothing"), 404)


@pytest.mark.parametrize(
    ("parameters", "codes"),
    [
        ("x=1", {"x": ["unknown"]}),
        ("method=", {"method": ["blank"]}),
        ("page=&page_size=", {"page": ["blank"], "page_size": ["blank"]}),
        ("method=x", {"method": ["invalid_choice"]}),
        ("method=youtube&method=invidious", {"method": ["repeated"]}),
        ("format=xml", {"format": ["invalid_choice"]}),
        ("keyword=%01", {"keyword": ["control"]}),
        ("found_after=x&min_duration=x", {"found_after": ["invalid"], "min_duration": ["invalid"]}),
        ("page_size=0", {"page_size": ["invalid"]}),
        ("cursor=x", {"cursor": ["invalid"]}),
    ],
)
def test_what_is_wrong_with_a_parameter_has_a_code(client: Client, parameters: str, codes: Any) -> None:
    errors = problem(client.get(f"/api/videos/?{parameters}"), 400)["errors"]
    assert {name: [error["code"] for error in of_one] for name, of_one in errors.items()} == codes


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, {"keyword": ["required"]}),
        ({"keyword": None}, {"keyword": ["null"]}),
        ({"keyword": " "}, {"keyword": ["blank"]}),
        ({"keyword": "x" * 501}, {"keyword": ["max_length"]}),
        ({"keyword": "\u200b"}, {"keyword": ["invisible"]}),
        ({"keyword": "x", "interval": 0}, {"interval": ["min_value"]}),
        ({"keyword": "x", "weight": "x", "state": "x"}, {"state": ["invalid_choice"], "weight": ["invalid"]}),
        ({"keyword": "x", "colour": 1}, {"colour": ["unknown"]}),
        ([], {"body": ["invalid"]}),
    ],
)
def test_what_is_wrong_with_a_field_has_a_code(client: Client, body: Any, codes: Any) -> None:
    answer = client.post("/api/keywords/", body, content_type="application/json")
    errors = problem(answer, 400)["errors"]
    assert {name: [error["code"] for error in of_one] for name, of_one in errors.items()} == codes


def test_its_detail_is_the_first_error(client: Client) -> None:
    assert problem(client.get("/api/videos/?exact=x"), 400)["detail"] == "exact: Must be one of: true, false."
    shown = problem(client.get("/api/videos/?exact=x&live=x&cursor=x"), 400)
    assert shown["detail"] == "live: Must be one of: none, upcoming, live, completed. (1 more in `errors`.)"


@pytest.mark.parametrize(
    ("method", "address", "headers", "body", "status", "detail"),
    [
        ("PUT", "/ping/", {}, b"", 405, "This endpoint does not allow this method. There are: GET, HEAD, OPTIONS."),
        (
            "GET",
            "/ping/",
            {"Accept": "text/html"},
            b"",
            406,
            "This endpoint has none of the formats that the request accepts. There are: application/json.",
        ),
        (
            "GET",
            "/api/quota/",
            {"If-Match": '"x"'},
            b"",
            412,
            "A condition of the request is not met: If-Match or If-Unmodified-Since.",
        ),
        (
            "POST",
            "/api/keywords/",
            {"Content-Type": "text/plain"},
            b"x",
            415,
            "The body must be JSON. Send it with the header Content-Type: application/json.",
        ),
        ("POST", "/api/keywords/", JSON, b'{"keyword"', 400, "The body is not JSON (line 1, column 11)."),
        ("POST", "/api/keywords/", JSON, b"\xff", 400, "The body is not JSON."),
        ("POST", "/api/keywords/", JSON, b"[" * 2000, 400, "The body is nested too deeply."),
        ("POST", "/api/keywords/", JSON, b"null", 400, "body: Must be a JSON object."),
        ("POST", "/api/keywords/", JSON, b"[1]", 400, "body: Must be a JSON object."),
    ],
)
def test_its_detail_says_what_to_do(
    method: str, address: str, headers: dict[str, str], body: bytes, status: int, detail: str
) -> None:
    assert problem(ask(method, address, headers, body), status)["detail"] == detail


def test_the_detail_of_a_missing_csrf_token_names_its_header() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("ada"))
    answer = client.post("/api/keywords/", {"keyword": "kestrel"}, content_type="application/json")
    assert "X-CSRFToken" in problem(answer, 403)["detail"]


def test_a_keyword_that_is_deleted_meanwhile_is_not_named_by_its_model(client: Client) -> None:
    gone = KeyWordEntry.DoesNotExist("KeyWordEntry matching query does not exist.")
    with patch.object(KeyWordEntry, "change", autospec=True, side_effect=gone):
        entry = KeyWordEntry.objects.create(keyword="kestrel")
        answer = client.patch(f"/api/keywords/{entry.pk}/", {"weight": 2}, content_type="application/json")
    assert problem(answer, 404)["detail"] == "This keyword has been deleted."


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({}, "keyword", "Must be given."),
        ({"keyword": None}, "keyword", "Must not be null."),
        ({"keyword": 5}, "keyword", "Must be a string."),
        ({"state": None}, "state", "Must not be null."),
        ({"state": "previewed"}, "state", "Must be one of: watched, paused."),
        ({"notify": "weekly"}, "notify", "Must be one of: off, each, hourly, daily."),
        ({"notify": ["daily"]}, "notify", "Must be one of: off, each, hourly, daily."),
        ({"interval": "x"}, "interval", "Must be a whole number from 1 to 2592000."),
        ({"interval": 0}, "interval", "Must be a whole number from 1 to 2592000."),
        ({"interval": "9" * 2000}, "interval", "Must be a whole number from 1 to 2592000."),
        ({"weight": 101}, "weight", "Must be a whole number from 1 to 100."),
        ({"weight": {}}, "weight", "Must be a whole number from 1 to 100."),
        ({"notify_urls": {}}, "notify_urls", "Must be a string."),
        ({"notify_webhook": f"http://x/{'x' * 500}"}, "notify_webhook", "Must have at most 500 characters."),
        ({"notify_urls": "a\0"}, "notify_urls", "Must not contain control characters."),
        ({"notify_urls": "x" * 2001}, "notify_urls", "Must have at most 2000 characters."),
        ({"notify_urls": " " * 2001}, "notify_urls", "Must have at most 2000 characters."),
        ({"notify_webhook": None}, "notify_webhook", "Must not be null."),
    ],
)
def test_fields_say_what_they_may_contain(client: Client, body: Any, field: str, detail: str) -> None:
    body = {"keyword": "kestrel"} | body if body else body
    answer = client.post("/api/keywords/", body, content_type="application/json")
    assert errors(answer)[field] == [detail]


def test_errors_within_fields_are_named_by_both(client: Client) -> None:
    error = ValidationError({"outer": {"inner": ["Wrong."], 0: ["Wrong, too."]}})
    with patch.object(QuotaView, "get", autospec=True, side_effect=error):
        answer = client.get("/api/quota/")
    assert list(problem(answer, 400)["errors"]) == ["outer.inner", "outer.0"]


def test_too_many_requests_say_when_to_try_again(client: Client) -> None:
    with patch.object(QuotaView, "get", autospec=True, side_effect=Throttled(wait=7)):
        answer = client.get("/api/quota/")
    assert (problem(answer, 429)["type"], answer.headers["Retry-After"]) == ("about:blank", "7")
    assert answer.json()["detail"] == "Too many requests. Try again in 7 seconds."
