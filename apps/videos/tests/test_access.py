"""Who may read and change things; cross-site requests are refused."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.videos.models import ApiToken, KeyWordEntry

pytestmark = pytest.mark.django_db


def add(client: Client, **headers: str) -> int:
    body = {"keyword": "python"}
    return client.post("/api/keywords/", body, content_type="application/json", headers=headers).status_code


def test_without_sign_in_changes_are_open(client: Client) -> None:
    assert add(client) == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_writes_take_json_only(client: Client, content_type: str) -> None:
    answer = client.post("/api/keywords/", '{"keyword": "python"}', content_type=content_type)
    assert answer.status_code in (400, 415)
    assert KeyWordEntry.objects.count() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://testserver:81"},
    ],
)
def test_another_sites_page_may_change_nothing(client: Client, headers: dict[str, str]) -> None:
    entry = KeyWordEntry.objects.create(keyword="ruby")
    assert add(client, **headers) == 403
    assert client.post(f"/api/keywords/{entry.pk}/fetch/", headers=headers).status_code == 403
    assert client.delete(f"/api/keywords/{entry.pk}/", headers=headers).status_code == 403
    assert client.get("/api/keywords/", headers=headers).status_code == 200


def test_the_own_page_may(client: Client) -> None:
    assert add(client, **{"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}) == 201


def test_sign_in_write_allows_reading_and_requires_accounts_for_changes(client: Client, settings) -> None:
    settings.SIGN_IN = "write"
    assert client.get("/api/keywords/").status_code == 200
    assert add(client) == 401

    user = User.objects.create_user("ada")
    _, token = ApiToken.objects.create(user, name="script", access="write")
    assert add(client, Authorization=f"Token {token}") == 201
    assert add(client, Authorization="Token wrong") == 401

    client.force_login(user)
    assert add(client) == 200


def test_a_session_needs_djangos_token_too(settings) -> None:
    settings.SIGN_IN = "write"
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("ada"))
    assert add(client) == 403


def test_sign_in_all_requires_an_account_to_read(client: Client, settings) -> None:
    settings.SIGN_IN = "all"
    for address in ("/api/keywords/", "/api/videos/", "/api/logs/", "/api/quota/"):
        assert client.get(address).status_code == 401
    client.force_login(User.objects.create_user("ada"))
    assert client.get("/api/keywords/").status_code == 200
