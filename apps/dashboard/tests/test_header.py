"""The header says where one is."""

import re
from typing import Any

import pytest
from django.test import Client
from django.test.utils import override_script_prefix

from apps.dashboard.tests.builders import keyword_with_videos

pytestmark = pytest.mark.django_db


def current(shown: str) -> list[tuple[str, str]]:
    return re.findall(r'aria-current="(\w+)">([^<]+)</a>', shown)


def menu(shown: str) -> str:
    (found,) = re.findall(r'<button class="menu" popovertarget="pages">([^<]+)</button>', shown)
    return str(found)


@pytest.mark.parametrize(
    ("address", "name"),
    [("/", "Videos"), ("/keywords/", "Keywords"), ("/quota/", "Quota"), ("/log/", "Fetch log"),
     ("/settings/", "Settings")],
)  # fmt: skip
def test_it_works(client: Client, address: str, name: str) -> None:
    shown = client.get(address).content.decode()
    assert current(shown) == [("page", name)]
    assert menu(shown) == name


def test_pages_below_one_belong_to_it(client: Client, admin_client: Client) -> None:
    entry = keyword_with_videos()
    for address in (f"/keywords/{entry.pk}/", f"/keywords/{entry.pk}/log/"):
        assert current(client.get(address).content.decode()) == [("true", "Keywords")]
    assert current(client.get(f"/videos/{entry.pk}-0000/").content.decode()) == [("true", "Videos")]
    assert current(admin_client.get("/tokens/").content.decode()) == [("true", "Settings")]


@pytest.mark.parametrize("address", ["/sign-in/", "/nowhere/"])
def test_other_pages_are_none_of_them(client: Client, address: str) -> None:
    shown = client.get(address).content.decode()
    assert current(shown) == []
    assert menu(shown) == "Pages"


def test_its_links_keep_a_sub_path(client: Client) -> None:
    with override_script_prefix("/windhover/"):
        shown = client.get("/settings/", SCRIPT_NAME="/windhover").content.decode()
    assert 'href="/windhover/settings/" aria-current="page"' in shown


@pytest.mark.parametrize("address", ["/", "/settings/"])
@pytest.mark.parametrize("width", [320, 390, 900, 901, 1280])
@pytest.mark.django_db(transaction=True)
def test_it_is_one_row_at_every_width(
    page: Any, live_server: Any, admin_client: Client, settings: Any, address: str, width: int
) -> None:
    settings.SIGN_IN = "write"
    name, value = settings.SESSION_COOKIE_NAME, admin_client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(address)
    header = page.locator("header.top")
    assert header.bounding_box()["height"] < 60
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    middles = [
        box["y"] + box["height"] / 2
        for element in header.locator(".brand, .menu, nav a, .account button").all()
        if (box := element.bounding_box()) and element.is_visible()
    ]
    assert max(middles) - min(middles) < 2


@pytest.mark.django_db(transaction=True)
def test_on_a_phone_a_menu_opens_without_javascript(browser: Any, live_server: Any) -> None:
    context = browser.new_context(
        base_url=live_server.url, java_script_enabled=False, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    page.goto("/log/")
    link = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Quota")
    assert not link.is_visible()
    page.get_by_role("button", name="Fetch log").click()
    assert link.is_visible()
    page.keyboard.press("Escape")
    assert not link.is_visible()
    page.get_by_role("button", name="Fetch log").click()
    link.click()
    page.get_by_role("button", name="Quota").wait_for()
    context.close()
