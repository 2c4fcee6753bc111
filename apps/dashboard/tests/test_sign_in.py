"""Who may change things, and how they sign in and out."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from apps.dashboard.tasks import clear_sessions
from apps.dashboard.tests.builders import keyword_with_videos
from apps.videos.models import KeyWordEntry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sign_in_to_write(settings: Any) -> None:
    settings.SIGN_IN = "write"


@pytest.fixture
def ada(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("ada", password="kestrel-on-the-wind")


def test_it_works(client: Client, ada: Any) -> None:
    assert "Sign in" in client.get("/sign-in/").content.decode()
    account = {"username": "ada", "password": "kestrel-on-the-wind", "next": "/log/"}
    assert client.post("/sign-in/", account).url == "/log/"
    shown = client.get("/").content.decode()
    assert "ada" in shown
    assert "Add keyword" in shown

    assert client.post("/sign-out/").url == "/"
    assert "Add keyword" not in client.get("/").content.decode()


def test_the_admin_has_the_same_page(client: Client, ada: Any) -> None:
    page = client.get("/admin/", follow=True).content.decode()
    assert '<button class="main">Sign in</button>' in page
    assert "Log in" not in page
    account = {"username": "ada", "password": "kestrel-on-the-wind", "next": "/admin/"}
    assert "for a staff account" in client.post("/admin/login/", account).content.decode()
    client.force_login(ada)
    assert "The account ada may not use the admin." in client.get("/admin/", follow=True).content.decode()
    type(ada).objects.update(is_staff=True)
    assert client.post("/admin/login/", account).url == "/admin/"


@pytest.mark.parametrize("back", ["/sign-in/", "/sign-in/?next=/sign-in/", "/sign-in/?next=/log/"])
def test_signing_in_does_not_lead_back_to_signing_in(client: Client, ada: Any, back: str) -> None:
    account = {"username": "ada", "password": "kestrel-on-the-wind", "next": back}
    assert client.post("/sign-in/", account).url == "/"
    assert client.get("/sign-in/", {"next": back}).url == "/"


def test_a_wrong_password_is_explained(client: Client, ada: Any) -> None:
    shown = client.post("/sign-in/", {"username": "ada", "password": "no"}).content.decode()
    assert "Please enter a correct username and password" in shown
    assert 'value="ada"' in shown


def test_reading_is_open_without_controls(client: Client) -> None:
    entry = keyword_with_videos()
    for address in ("/", f"/keywords/{entry.pk}/", "/keywords/", "/log/"):
        shown, footer, _ = client.get(address).content.decode().partition("<footer>")
        assert footer, "which has the switch of the theme"
        assert 'method="post"' not in shown
        assert f'href="/sign-in/?next={address}"' in shown


@pytest.mark.parametrize("action", ["settings/", "fetch/", "pause/", "resume/", "delete/"])
def test_changes_lead_to_sign_in_and_back_to_the_keyword(client: Client, action: str) -> None:
    entry = keyword_with_videos()
    response = client.post(f"/keywords/{entry.pk}/{action}", {"interval": "5 min"})

    assert response.url == f"/sign-in/?next=/keywords/{entry.pk}/"
    unchanged = KeyWordEntry.objects.get()
    assert (unchanged.state, unchanged.interval) == ("watched", None)
    assert not unchanged.logs.exists()


def test_adding_leads_to_sign_in(client: Client) -> None:
    assert client.post("/", {"keyword": "kestrels"}).url == "/sign-in/?next=/"
    assert not KeyWordEntry.objects.exists()


def test_no_sign_in_is_offered_where_none_is_needed(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "off"
    assert "Sign in" not in client.get("/").content.decode()


@pytest.fixture
def sign_in_to_read(settings: Any) -> None:
    settings.SIGN_IN = "all"
    middleware = LoginRequiredMiddleware
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{middleware.__module__}.{middleware.__name__}"]


def test_where_reading_needs_it_too_the_way_in_is_open(sign_in_to_read: None, client: Client) -> None:
    for address in ("/", "/api/docs/", "/api/redoc/"):
        assert client.get(address).url == f"/sign-in/?next={address}"
    assert client.get("/api/videos/").status_code == 401
    assert client.get("/sign-in/").status_code == 200


def test_a_live_page_whose_session_ended_is_reloaded(sign_in_to_read: None, client: Client) -> None:
    response = client.get("/", headers={"HX-Request": "true"}, follow=True)
    assert response.headers["HX-Refresh"] == "true"


def test_expired_sessions_are_deleted() -> None:
    now = timezone.now()
    for name, days in (("expired", -1), ("valid", 1)):
        Session.objects.create(session_key=name, session_data="x", expire_date=now + timedelta(days=days))
    clear_sessions()
    assert Session.objects.get().pk == "valid"
