"""Which pages of other origins may use the REST API."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.videos.models import ApiToken, KeyWordEntry

pytestmark = pytest.mark.django_db

NAMED = "https://dashboard.example.org"
OTHER = "https://evil.example"


@pytest.fixture
def named(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [NAMED]
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]


def allowed(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items() if "access-control" in name.lower()}


def add(client: Client, origin: str, **headers: str) -> Any:
    headers |= {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    return client.post("/api/keywords/", {"keyword": "python"}, content_type="application/json", headers=headers)


def test_a_named_origin_reads(client: Client, named: None) -> None:
    for address, status in (("/api/keywords/", 200), ("/ping", 200), ("/api/nothing/", 404), ("/api/videos/?x=1", 400)):
        answer = client.get(address, headers={"Origin": NAMED})
        assert answer.status_code == status
        assert allowed(answer) == {
            "access-control-allow-origin": NAMED,
            "access-control-expose-headers": "Content-Disposition, ETag, Retry-After, X-Total-Count",
        }
        assert "origin" in answer.headers["Vary"].lower()


@pytest.mark.parametrize("origin", [OTHER, "null", "http://dashboard.example.org", f"{NAMED}:444", "http://["])
def test_others_do_not(client: Client, named: None, origin: str) -> None:
    assert allowed(client.get("/api/keywords/", headers={"Origin": origin})) == {}


def test_pages_and_admin_are_not_shared(client: Client, named: None) -> None:
    for address in ("/", "/sign-in/", "/admin/login/"):
        assert allowed(client.get(address, headers={"Origin": NAMED})) == {}


def test_without_origins_nothing_is_shared(client: Client) -> None:
    answer = client.get("/api/keywords/", headers={"Origin": NAMED})
    assert allowed(answer) == {}
    assert "origin" not in answer.headers["Vary"].lower()


def test_a_named_origin_changes_things_with_a_token_only(client: Client, named: None, settings: Any) -> None:
    ada = User.objects.create_user("ada")
    _, token = ApiToken.objects.create(ada, name="page", access="write")
    for sign_in in ("off", "write", "all"):
        settings.SIGN_IN = sign_in
        assert add(client, NAMED).status_code in (401, 403)
        assert add(client, OTHER, Authorization=f"Token {token}").status_code == 403
    client.force_login(ada)
    assert add(client, NAMED).status_code == 403, "a cookie is no token"
    assert not KeyWordEntry.objects.exists()

    answer = add(client, NAMED, Authorization=f"Token {token}")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (201, NAMED)


def test_a_browser_may_ask_first(client: Client, named: None, settings: Any) -> None:
    settings.SIGN_IN = "all"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    answer = client.options("/api/keywords/", headers={"Origin": NAMED} | asked)
    assert answer.status_code == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed(client.options("/api/keywords/", headers={"Origin": OTHER} | asked)) == {}
