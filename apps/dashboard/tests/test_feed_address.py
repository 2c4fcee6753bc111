"""An account's private feed address: created, shown, renewed and revoked."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import User
from django.test import Client

from apps.videos.models import FeedToken

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ada(client: Client, settings: Any) -> User:
    settings.SIGN_IN = "all"
    middleware = LoginRequiredMiddleware
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{middleware.__module__}.{middleware.__name__}"]
    user = User.objects.create_user("ada")
    client.force_login(user)
    return user


def address(client: Client) -> str:
    (found,) = re.findall(r'id="feed-address">([^<]+)<', client.get("/settings/").content.decode())
    return unescape(found)


def test_it_works(client: Client) -> None:
    assert "Create private address" in client.get("/settings/").content.decode()
    client.post("/settings/feed-address/")
    first = address(client)
    assert first == address(client), "it can be shown again"
    assert Client().get(urlsplit(first).path).status_code == 200
    assert "no-store" in client.get("/settings/").headers["Cache-Control"]

    assert "cannot be undone" in client.get("/settings/feed-address/renew/").content.decode()
    assert address(client) == first
    client.post("/settings/feed-address/renew/")
    second = address(client)
    assert Client().get(urlsplit(first).path).status_code == 404
    assert Client().get(urlsplit(second).path).status_code == 200

    client.post("/settings/feed-address/revoke/")
    assert "Create private address" in client.get("/settings/").content.decode()
    assert Client().get(urlsplit(second).path).status_code == 404


def test_creating_it_twice_keeps_it(client: Client) -> None:
    client.post("/settings/feed-address/")
    first = address(client)
    client.post("/settings/feed-address/")
    assert address(client) == first


def test_it_is_below_the_public_address(client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://example.org/windhover"
    client.post("/settings/feed-address/")
    assert address(client).startswith("https://example.org/windhover/api/private/")
    assert address(client).endswith("/videos/feed/")


def test_people_see_and_change_only_their_own(client: Client) -> None:
    other = FeedToken.renew(User.objects.create_user("bob"))
    assert other.text not in client.get("/settings/").content.decode()
    client.post("/settings/feed-address/revoke/")
    assert FeedToken.objects.filter(pk=other.pk).exists()


@pytest.mark.parametrize("sign_in", ["off", "write", "all"])
@pytest.mark.parametrize("path", ["", "renew/", "revoke/"])
def test_others_sign_in_first(settings: Any, sign_in: str, path: str) -> None:
    settings.SIGN_IN = sign_in
    assert Client().post(f"/settings/feed-address/{path}").url.startswith("/sign-in/")
    assert not FeedToken.objects.exists()


def test_where_reading_is_open_none_is_needed(client: Client, settings: Any, ada: User) -> None:
    settings.SIGN_IN = "write"
    shown = client.get("/settings/").content.decode()
    assert "Reading is open" in shown
    assert "Create private address" not in shown
    FeedToken.renew(ada)
    assert "Revoke" in client.get("/settings/").content.decode()


def test_other_changes_do_not_exist(client: Client) -> None:
    assert client.post("/settings/feed-address/erase/").status_code == 404
