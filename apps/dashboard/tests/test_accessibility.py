"""No page has a barrier that axe-core finds, wide or narrow, light or dark."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos, log_of
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.videos.models import ApiToken, FeedToken, KeyWordEntry, SavedView, Video, VideoLog

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = {"rules": {"target-size": {"enabled": True}}}

PAGES = [
    "/",
    "/?search=nothing-has-this",
    "/?live=maybe",
    "/keywords/",
    "/keywords/?state=failing&search=nothing-has-this",
    "/keywords/add/",
    "/keywords/{pk}/",
    "/keywords/{pk}/log/",
    "/keywords/{pk}/delete/",
    "/keywords/{pk}/settings/",
    "/keywords/{pk}/statistics/",
    "/videos/{pk}-0000/",
    "/statistics/",
    "/quota/",
    "/log/",
    "/settings/",
    "/rules/",
    "/rules/?kind=word&value=kestrels",
    "/sign-in/",
    "/not-there/",
]


MAIN = ["/", "/keywords/", "/keywords/{pk}/", "/quota/"]


@pytest.mark.parametrize(
    ("width", "scheme", "pages"),
    [(1280, "light", PAGES), (390, "dark", PAGES), (1280, "dark", MAIN), (390, "light", MAIN)],
)
def test_it_works(browser: Any, live_server: Any, width: int, scheme: str, pages: list[str]) -> None:
    entry = keyword_with_videos("kestrels", 3)
    for status in VideoLog.Status.values:
        log_of(entry, status=status)
    keyword_with_videos("قهوة عربية", 1)
    KeyWordEntry.objects.create(keyword="paused", state=KeyWordEntry.State.PAUSED)
    Video.objects.filter(pk=f"{entry.pk}-0001").update(live_state="live", description="About kestrels", view_count=3)
    SavedView.objects.create(name="Streams", query="live=live")
    incidents.open(Incident.Kind.DISK_FULL, "It is full.")

    context = browser.new_context(
        base_url=live_server.url, viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    found = {}
    for address in ["/", *pages]:  # the first visit has no divider
        page.goto(address.format(pk=entry.pk))
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        if violations := Axe().run(page, options=OPTIONS).response["violations"]:
            found[address] = [(one["id"], one["nodes"][0]["html"]) for one in violations]
    context.close()
    assert found == {}


def test_the_pages_of_an_account_have_none(browser: Any, live_server: Any, settings: Any, admin_client: Client) -> None:
    user = User.objects.get()
    token, _ = ApiToken.objects.create(user, name="script")
    FeedToken.renew(user)
    settings.NOTIFY_URLS = "json://127.0.0.1:1"
    cookie = admin_client.cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(base_url=live_server.url, bypass_csp=True)
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    for address in ("/settings/", "/settings/feed-address/renew/", "/tokens/", f"/tokens/{token.pk}/revoke/"):
        page.goto(address)
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        assert Axe().run(page).response["violations"] == [], address
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator(".menu").click()
    assert Axe().run(page).response["violations"] == [], "the open menu"
    context.close()


def test_an_empty_windhover_has_none_either(browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, bypass_csp=True)
    page = context.new_page()
    for address in ("/", "/keywords/", "/statistics/", "/quota/", "/log/"):
        page.goto(address)
        assert Axe().run(page, options=OPTIONS).response["violations"] == [], address
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_changing_and_adding_many_keywords_has_none(browser: Any, live_server: Any, scheme: str) -> None:
    for n in range(101):
        KeyWordEntry.objects.create(keyword=f"bird {n}")
    context = browser.new_context(base_url=live_server.url, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto("/keywords/")
    page.get_by_label("This page").check()
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("Interval").fill("now and then")
    page.get_by_role("button", name="Set interval").click()
    page.get_by_text("Enter a duration").wait_for()
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").wait_for()
    assert Axe().run(page).response["violations"] == []
    page.goto("/keywords/add/")
    page.get_by_label("Keywords, one a line").fill(f"bird 100\nowl\n{'x' * 501}")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Add 2 keywords").wait_for()
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    assert Axe().run(page).response["violations"] == []
    context.close()
