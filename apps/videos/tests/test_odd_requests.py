"""Requests that once ended in a server error, or that are answered before any view is reached."""

import json
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection
from django.http import QueryDict
from django.test import Client
from django.utils.datastructures import MultiValueDict

from apps.videos import keywords
from apps.videos.errors import DETAILS
from apps.videos.models import KeyWordEntry
from apps.videos.tests.addresses import ADDRESSES
from apps.videos.tests.builders import fetched_keyword
from apps.videos.tests.problems import errors, problem
from apps.videos.tests.wsgi import ask
from apps.videos.views import QuotaView

pytestmark = pytest.mark.django_db

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("sign_in", ["off", "write"])
@pytest.mark.parametrize("host", ["evil.example", "localhost:x", "[::1", "", "a..b", "\xff"])
def test_a_wrong_host(settings: Any, sign_in: str, host: str) -> None:
    settings.SIGN_IN = sign_in
    assert ask("GET", "/", {"Host": host}).status == 400
    answer = ask("GET", "/api/keywords/", {"Host": host})
    assert problem(answer, 400)["detail"] == DETAILS[400]


@pytest.mark.parametrize(
    "address",
    ["/api/videos/%00/", "/api/keyword/%00/videos/", "/?page=%00", "/log/%00", "/admin/videos/video/%00/change/",
     "/admin/videos/video/?q=%00", "/admin/videos/video/?method=%00", "/admin/videos/videolog/?error_code=%00"],
)  # fmt: skip
def test_nul_in_an_address(admin_client: Client, address: str) -> None:
    assert ask("GET", address).status == 400
    assert admin_client.get(address).status_code == 400


def test_an_id_that_no_database_can_have_in_a_form_of_the_admin(admin_client: Client) -> None:
    admin_client.raise_request_exception = False
    forms = {"group/add": "permissions", f"user/{User.objects.get().pk}/change": "user_permissions"}
    for address, field in forms.items():
        answer = admin_client.post(f"/admin/auth/{address}/", {"name": "x", field: "9" * 30})
        assert answer.status_code == (400 if connection.vendor == "sqlite" else 200)


@pytest.mark.parametrize("search", ["%00", "a%00b", "%22a%00", "a%00&page_size=1", "a&search=%00"])
def test_nul_in_a_search(search: str) -> None:
    for address in ("/api/videos/", "/api/keywords/"):
        assert ask("GET", f"{address}?search={search}").status == (400 if "&search" in search else 200)
        assert ask("GET", f"{address}?search={search}&ordering=%00").status == 400


@pytest.mark.parametrize("search", ["a" * 60_000, "_" * 30_000, "%EF%B7%BA" * 6_000, "%E2%80%8B" * 6_000])
def test_a_search_as_long_as_an_address_can_be(admin_client: Client, settings: Any, search: str) -> None:
    settings.SIGN_IN = "off"
    fetched_keyword("python")
    for address in ("/api/videos/", "/api/keywords/", "/", "/keywords/", "/keywords/export.csv"):
        assert ask("GET", f"{address}?search={search}").status == 200
    for model in ("keywordentry", "video", "match", "videolog"):
        assert admin_client.get(f"/admin/videos/{model}/?q={search}").status_code == 200


def test_a_search_of_more_words_than_sqlite_compares(admin_client: Client) -> None:
    words = "+".join(["a"] * 2_500)
    for address in ("autocomplete/?app_label=videos&model_name=apitoken&field_name=user&term=", "auth/user/?q="):
        answer = admin_client.get(f"/admin/{address}{words}")
        if connection.vendor == "sqlite":
            assert answer.status_code == 400, address
        else:
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"a"),
        ("application/x-www-form-urlencoded", b"a=1&" * 1001),
        ("multipart/form-data;=", b""),
    ],
)
def test_a_malformed_form_at_an_unknown_address(settings: Any, content_type: str, body: bytes) -> None:
    cookies = {"Cookie": f"{settings.CSRF_COOKIE_NAME}={'a' * 32}"}
    assert ask("POST", "/nowhere/", {"Content-Type": content_type} | cookies, body).status == 404


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ("a&" * 1001, {}, b""),
        ("", FORM, b"a=1&" * 1001),
        ("", FORM, b"a=" + b"x" * 2**22),
        ("", {"Content-Type": "multipart/form-data; boundary=\xff"}, b"x"),
        ("", {"Host": "[::1"}, b""),
        ("%00", {}, b""),
    ],
    ids=["parameters", "fields", "size", "boundary", "host", "NUL"],
)
def test_what_cannot_be_read_is_explained(
    settings: Any, query: str, headers: dict[str, str], body: bytes, debug: bool
) -> None:
    """Also by Django's own page with DEBUG, which would read it again."""
    settings.DEBUG = debug
    for address in ("/", "/sign-in/", "/api/videos/", "/nowhere/"):
        answer = ask("POST" if body else "GET", f"{address}?{query}", headers, body)
        assert answer.status < 500, address
        assert query == "" or answer.status >= 400, address


def test_nul_in_a_cookie(settings: Any) -> None:
    assert ask("GET", "/", {"Cookie": f'{settings.SESSION_COOKIE_NAME}="aaaaaaaa\\000"'}).status == 200


@pytest.mark.parametrize("charset", ["hex", "rot13", "zip", "undefined", "idna", "utf-16", "nonsense"])
def test_a_charset_that_is_not_for_text(charset: str) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
        headers = {"Content-Type": f"{kind}; charset={charset}"}
        for address in ("/?page=1", "/keywords/?page=1", "/api/videos/?page=1"):
            assert ask("GET", address, headers).status == 200
    added = ask("POST", "/api/keywords/", {"Content-Type": f"application/json; charset={charset}"}, b'{"keyword": "x"}')
    assert added.status == 201


@pytest.mark.parametrize(
    "content_type",
    ["a/b; x*=nonsense''%41", "a/b; charset*0*=x''a; charset*2*=b", ";;", "a;\xff*=", "application/json; x*=idna''%ff"],
)
def test_a_content_type_that_cannot_be_read(content_type: str, settings: Any) -> None:
    settings.SIGN_IN = "off"
    for address in ("/", "/ping/", "/api/keywords/"):
        assert ask("GET", address, {"Content-Type": content_type}).status == 200
    for body in (b"", b"{}"):
        for address in ("/api/keywords/", "/api/videos/marks/", "/api/keywords/99/fetch/", "/nowhere/"):
            assert 400 <= ask("POST", address, {"Content-Type": content_type}, body).status < 500


def test_a_line_break_in_each_parameter_that_anything_reads(admin_client: Client, settings: Any) -> None:
    """Also in those that only the views of libraries know: they may put it into a header."""
    entry = fetched_keyword("python")
    cookies = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={admin_client.cookies[settings.SESSION_COOKIE_NAME].value}"}
    read = set[str]()

    def record(self: QueryDict, name: str) -> Any:
        read.add(name)
        return MultiValueDict.__getitem__(self, name)

    known = set[str]()
    for address in ADDRESSES:
        place = re.sub(r"%\(\w+\)s", str(entry.pk), address)
        read.clear()
        with patch.object(QueryDict, "__getitem__", record, create=True):
            ask("GET", place, cookies)
        known |= read
        for name in read:
            answer = ask("GET", f"{place}?{name}=a%0D%0Ab", cookies)
            assert answer.status < 500, (place, name)
    assert {"page", "next", "q"} <= known


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 100_000, b'{"keyword": "x", "interval": ' + b"[" * 950 + b"]" * 950 + b"}",
     b'{"keyword": "x", "interval": ' + b"[" * 400 + b"]" * 400 + b"}", b"9" * 5000, b"\xff", b'{"keyword": NaN}',
     rb'{"keyword": "x", "state": "\ud800"}', rb'{"\ud800": 1}'],
)  # fmt: skip
def test_json_that_cannot_be_used(body: bytes) -> None:
    answer = ask("POST", "/api/keywords/", JSON, body)
    assert problem(answer, 400)


def test_of_many_unknown_fields_the_first_are_named(settings: Any) -> None:
    settings.SIGN_IN = "off"
    body = json.dumps({f"field {number}": 1 for number in range(1000)}).encode()
    assert list(errors(ask("POST", "/api/keywords/", JSON, body))) == [f"field {number}" for number in range(20)]


def test_too_large_a_body(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps({"keyword": "x" * 1000}).encode()
    answer = ask("POST", "/api/keywords/", JSON, body)
    assert problem(answer, 413)["detail"] == DETAILS[413]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"{settings.CSRF_COOKIE_NAME}={'a' * 32}"}
    form = ask("POST", "/sign-in/", headers, b"a=" + b"x" * 1000)
    assert (form.status, form.headers["Content-Type"]) == (413, "text/html; charset=utf-8")


@pytest.mark.parametrize("origin", ["http://[", "http://]", "null", "", "//", "\xff"])
def test_an_origin_that_is_no_address(origin: str) -> None:
    assert ask("POST", "/api/keywords/", JSON | {"Origin": origin}, b'{"keyword": "x"}').status == 403
    assert ask("GET", "/api/keywords/", {"Origin": origin}).status == 200


@pytest.mark.parametrize("value", ["Token \xff", "Token x y", "Token", "Basic \xff", "\xff"])
def test_a_token_that_is_none(value: str, settings: Any) -> None:
    settings.SIGN_IN = "write"
    answer = ask("POST", "/api/keywords/", JSON | {"Authorization": value}, b'{"keyword": "x"}')
    assert problem(answer, 401)


@pytest.mark.parametrize(
    ("method", "address", "headers", "status"),
    [("GET", "/api/nothing", {}, 404), ("GET", "/api/keyword/x/videos/", {}, 404),
     ("PUT", "/api/quota/", {}, 405), ("ODD", "/api/keywords/", {}, 405),
     ("POST", "/api/docs/", {}, 405), ("GET", "/api/docs/", {"Accept": "application/json"}, 406),
     ("POST", "/api/keywords/", {"Origin": "http://evil.example"}, 403),
     ("POST", "/api/keywords/", {"Content-Type": "text/plain"}, 415), ("GET", "/api/videos/?page=x", {}, 404)],
)  # fmt: skip
def test_errors_of_the_api_are_problems(method: str, address: str, headers: dict[str, str], status: int) -> None:
    answer = ask(method, address, headers, b"x" if method in ("POST", "PUT") else b"")
    assert problem(answer, status)
    assert status != 405 or answer.headers["Allow"]


@pytest.mark.parametrize(
    "address", ["/api/", "/api/videos/", "/api/videos/x/", "/api/keywords/", "/api/quota/", "/ping/"]
)
def test_a_format_that_there_is_not(address: str) -> None:
    answer = ask("GET", f"{address}?format=xml")
    assert errors(answer) == {"format": ["Must be one of: json."]}
    assert ask("GET", f"{address}?format=json").status == ask("GET", address).status
    for page in ("schema", "docs", "redoc"):
        assert ask("GET", f"/api/{page}/?format=xml").status == 400


@pytest.mark.parametrize(
    ("address", "detail"),
    [("/api/keywords/99/", "No keyword has this id."), ("/api/keywords/99/fetch/", "No keyword has this id."),
     ("/api/videos/x/", "No video has this id."), ("/api/logs/99/", "No fetch log has this id.")],
)  # fmt: skip
def test_what_is_missing_is_named_in_plain_words(address: str, detail: str) -> None:
    answer = ask("POST" if "fetch" in address else "GET", address)
    assert problem(answer, 404)["detail"] == detail


@pytest.mark.parametrize("id", ["-1", "+1", "%2B1", "1.0", "x", "9" * 19, "%D9%A1"])
def test_an_id_that_is_no_number_is_not_found(id: str) -> None:
    for address in (f"/api/keywords/{id}/", f"/api/logs/{id}/"):
        answer = ask("GET", address)
        assert problem(answer, 404)
    assert list(errors(ask("GET", f"/api/logs/?keyword_id={id}"))) == ["keyword_id"]


@pytest.fixture(
    params=[
        OperationalError("database is locked"),
        InterfaceError("connection already closed"),
        InternalError("cannot execute SELECT FOR UPDATE in a read-only transaction"),
    ]
)
def broken(request: pytest.FixtureRequest) -> Iterator[DatabaseError | InterfaceError]:
    """Let every query of a view fail."""

    def fail(*args: Any) -> None:
        raise request.param

    with connection.execute_wrapper(fail):
        yield request.param


@pytest.mark.parametrize("address", ["/", "/log/", "/keywords/1/", "/nowhere/"])
def test_a_page_without_a_database(broken: Exception, address: str) -> None:
    answer = ask("GET", address)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert b"Database not available" in answer.body


@pytest.mark.parametrize(
    "address",
    ["/api/keywords/", "/api/keywords/1/", "/api/videos/", "/api/logs/", "/api/quota/", "/api/keyword/x/videos/"],
)
def test_the_api_without_a_database(broken: Exception, address: str) -> None:
    answer = ask("GET", address)
    assert problem(answer, 503)["detail"] == DETAILS[503]
    assert answer.headers["Retry-After"] == "10"


def test_an_error_of_ours_is_a_problem_as_well() -> None:
    with patch.object(QuotaView, "get", autospec=True, side_effect=RuntimeError):
        answer = ask("GET", "/api/quota/")
    assert problem(answer, 500)["detail"] == DETAILS[500]


def test_a_form_without_its_token_below_api_is_a_problem() -> None:
    user = User.objects.create_user("ada")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    answer = client.post("/api/keywords/", {"keyword": "x"}, content_type="application/json")
    assert "CSRF" in problem(answer, 403)["detail"]


@pytest.mark.parametrize("word", ["鳥" * 500, "🐦" * 500, "a/../" + "鳥" * 495, "%" * 500])
def test_the_longest_keywords_can_be_read(client: Client, word: str) -> None:
    from urllib.parse import quote

    KeyWordEntry.objects.create(keyword=word)
    assert len(word) == keywords.MAX_LENGTH
    for address in (f"/api/keyword/{quote(word, safe='')}/videos/", f"/api/videos/?keyword={quote(word, safe='')}"):
        assert client.get(address, follow=True).json()["count"] == 0
