"""People create and revoke the tokens of their programs."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.videos.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ada(client: Client, settings: Any) -> User:
    settings.SIGN_IN = "all"
    user = User.objects.create_user("ada")
    client.force_login(user)
    return user


def test_it_works(client: Client, ada: User) -> None:
    assert 'href="/tokens/"' in client.get("/settings/").content.decode()
    response = client.post("/tokens/", {"name": "backup <script>", "access": "read"})
    assert "no-store" in response.headers["Cache-Control"]
    (token,) = re.findall(r'<code class="secret">([^<]+)</code>', response.text)
    row = ApiToken.objects.get()
    assert (row.user, row.name, row.access) == (ada, "backup <script>", "read")
    assert token in response.content.decode()
    assert Client().get("/api/videos/", headers={"Authorization": f"Token {token}"}).status_code == 200

    shown = client.get("/tokens/").content.decode()
    assert token not in shown
    for text in (row.prefix, "backup &lt;script&gt;", "Last use"):
        assert text in shown

    address = f"/tokens/{row.pk}/revoke/"
    assert row.prefix in client.get(address).content.decode()
    assert ApiToken.objects.exists()
    assert "Revoked" in client.post(address, follow=True).content.decode()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("form", [{"name": " ", "access": "read"}, {"name": "x", "access": "all"}, {}])
def test_what_cannot_be_is_refused_at_its_field(client: Client, form: dict[str, str]) -> None:
    shown = client.post("/tokens/", form).content.decode()
    assert 'class="error"' in shown
    assert not ApiToken.objects.exists()


def test_people_see_and_revoke_only_their_own(client: Client) -> None:
    row, _ = ApiToken.objects.create(User.objects.create_user("bob"), name="script of bob")
    assert "script of bob" not in client.get("/tokens/").content.decode()
    assert client.post(f"/tokens/{row.pk}/revoke/").status_code == 404
    assert ApiToken.objects.exists()


@pytest.mark.parametrize("sign_in", ["off", "write", "all"])
def test_others_sign_in_first(settings: Any, sign_in: str) -> None:
    settings.SIGN_IN = sign_in
    stranger = Client()
    assert stranger.post("/tokens/", {"name": "x", "access": "read"}).url == "/sign-in/?next=/tokens/"
    assert not ApiToken.objects.exists()
    assert "/tokens/" not in stranger.get("/settings/", follow=True).content.decode()
