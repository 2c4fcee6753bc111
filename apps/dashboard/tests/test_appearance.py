"""Theme and thumbnails are chosen for each browser; the server applies them."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.db import OperationalError
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos
from apps.dashboard.views import log
from apps.videos.models import Video

pytestmark = pytest.mark.django_db

YEAR = 365 * 86_400


def html_tag(client: Client, address: str = "/") -> str:
    found = re.search(r"<html[^>]*>", client.get(address).content.decode())
    assert found
    return found[0]


def test_it_works(client: Client, settings: Any) -> None:
    assert "data-theme" not in html_tag(client)
    response = client.post("/settings/appearance/", {"theme": "dark", "thumbnails": "off", "next": "/log/?status=done"})
    assert response.url == "/log/?status=done"
    for cookie in (settings.THEME_COOKIE_NAME, settings.THUMBNAILS_COOKIE_NAME):
        assert response.cookies[cookie]["max-age"] == YEAR
    assert 'data-theme="dark"' in html_tag(client)
    assert 'value="dark" aria-pressed="true"' in client.get("/").content.decode()

    client.post("/settings/appearance/", {"theme": "system"})
    assert "data-theme" not in html_tag(client)
    assert client.cookies[settings.THUMBNAILS_COOKIE_NAME].value == "off"


@pytest.mark.parametrize("address", ["/", "/settings/", "/nowhere/", "/sign-in/", "/api/docs/", "/api/redoc/"])
def test_every_page_has_the_theme(client: Client, address: str) -> None:
    client.post("/settings/appearance/", {"theme": "light"})
    assert 'data-theme="light"' in html_tag(client, address)


def test_error_pages_have_the_theme(client: Client) -> None:
    client.post("/settings/appearance/", {"theme": "dark"})
    client.raise_request_exception = False
    assert 'data-theme="dark"' in html_tag(client, "/%00")
    for error in (RuntimeError, OperationalError):
        with patch.object(log, "page_of", autospec=True, side_effect=error):
            assert 'data-theme="dark"' in html_tag(client, "/log/")


def test_without_thumbnails_no_other_server_is_asked(client: Client, settings: Any) -> None:
    keyword_with_videos()
    Video.objects.update(thumbnail="https://i.ytimg.com/vi/x/hqdefault.jpg")
    assert '<img src="https://i.ytimg.com/vi/x/hqdefault.jpg"' in client.get("/").content.decode()

    client.post("/settings/appearance/", {"thumbnails": "off"})
    for address in ("/", "/keywords/1/", "/admin/login/"):
        response = client.get(address)
        assert "ytimg" not in response.content.decode()
        assert "img-src 'self';" in f"{response.headers['Content-Security-Policy']};"


@pytest.mark.parametrize("value", ["", "pink", '"dark"', "dark;", "\0"])
def test_unknown_values_change_nothing(client: Client, settings: Any, value: str) -> None:
    response = client.post("/settings/appearance/", {"theme": value, "thumbnails": value})
    assert (response.status_code, dict(response.cookies)) == (204, {})
    client.cookies[settings.THEME_COOKIE_NAME] = client.cookies[settings.THUMBNAILS_COOKIE_NAME] = value
    assert "data-theme" not in html_tag(client)
    assert "i.ytimg.com" in client.get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_it_leads_to_no_other_site(client: Client, back: str) -> None:
    assert client.post("/settings/appearance/", {"theme": "dark", "next": back}).status_code == 204


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_other_sites_cannot_choose(headers: dict[str, str]) -> None:
    response = Client(enforce_csrf_checks=True).post("/settings/appearance/", {"thumbnails": "on"}, headers=headers)
    assert response.status_code == 403
    assert not response.cookies


def test_choosing_needs_no_account(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "all"
    middleware = LoginRequiredMiddleware
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{middleware.__module__}.{middleware.__name__}"]
    client.post("/settings/appearance/", {"theme": "dark"})
    assert 'data-theme="dark"' in html_tag(client, "/sign-in/")


def test_a_page_is_the_same_each_time(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "write"  # without forms that change something
    keyword_with_videos()
    assert client.get("/log/").headers["ETag"] == client.get("/log/").headers["ETag"]


LUMINANCE = """() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number);
    return red + green + blue;
}"""


@pytest.mark.django_db(transaction=True)
def test_a_chosen_theme_overrides_the_systems(page: Any) -> None:
    for scheme, theme, is_dark in [
        ("light", "Dark", True), ("dark", "Light", False), ("dark", "System", True), ("light", "System", False)
    ]:  # fmt: skip
        page.emulate_media(color_scheme=scheme)
        page.goto("/settings/")
        page.locator("footer").get_by_role("button", name=theme).click()
        page.get_by_role("button", name=theme, pressed=True).wait_for()
        assert (page.evaluate(LUMINANCE) < 300) is is_dark
        for address in ("/", "/sign-in/", "/api/docs/"):
            page.goto(address)
            assert (page.evaluate(LUMINANCE) < 300) is is_dark, (scheme, theme, address)


@pytest.mark.django_db(transaction=True)
def test_switching_the_theme_keeps_what_was_typed(page: Any) -> None:
    page.goto("/")
    page.get_by_label("Keyword", exact=True).fill("half a wor")
    page.get_by_role("button", name="Dark").click()
    page.get_by_role("button", name="Dark", pressed=True).wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.get_by_label("Keyword", exact=True).input_value() == "half a wor"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.django_db(transaction=True)
def test_it_works_without_javascript(browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/log/")
    page.get_by_role("button", name="Dark").click()
    page.get_by_role("button", name="Dark", pressed=True).wait_for()
    assert page.url.startswith(f"{live_server.url}/log/")
    page.goto("/settings/")
    page.get_by_label("Off: no requests to other servers").check()
    page.get_by_role("button", name="Save").click()
    assert page.get_by_label("Off: no requests to other servers").is_checked()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    context.close()
