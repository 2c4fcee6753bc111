"""No page violates the Content-Security-Policy, in any theme: the browser reports nothing."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.dashboard.tests.builders import keyword_with_videos, log_of
from apps.quota import keys
from apps.videos.models import ApiToken, FeedToken, Video

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def addresses() -> list[str]:
    """The address of every page that has something to show."""
    entry = keyword_with_videos(number=3)
    Video.objects.update(thumbnail="https://i.ytimg.com/vi/x/hqdefault.jpg")
    log_of(entry)
    keys.sync()
    user = User.objects.get()
    token, _ = ApiToken.objects.create(user, name="script")
    FeedToken.renew(user)
    found = [
        *map(reverse, ("home", "keywords", "quota-page", "log", "settings", "tokens", "docs", "redoc")),
        *map(reverse, ("statistics", "rules", "keywords-add")),
        *(reverse(f"keyword-{name}", args=[entry.pk]) for name in ("settings", "statistics")),
        reverse("video", args=[entry.matches.first().video_id]),
        reverse("keyword", args=[entry.pk]),
        reverse("keyword-log", args=[entry.pk]),
        reverse("keyword-delete", args=[entry.pk]),
        reverse("token-revoke", args=[token.pk]),
        reverse("feed-address-change", args=["renew"]),
        reverse("admin:index"),
        reverse("admin:password_change"),
    ]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{name}_changelist"))
        if row := model._default_manager.first():
            found.append(reverse(f"{name}_change", args=[row.pk]))
    found += [
        reverse("admin:videos_keywordentry_add"),
        reverse("admin:videos_keywordentry_delete", args=[entry.pk]),
        f"{reverse('admin:videos_keywordentry_changelist')}?q=kestrel",
    ]
    return found


@pytest.fixture
def signed_in(page: Any, live_server: Any, settings: Any, admin_client: Client) -> Any:
    """A page whose requests carry the session of a superuser."""
    settings.SIGN_IN = "write"
    cookie = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": cookie, "value": admin_client.cookies[cookie].value, "url": live_server.url}])
    return page


VIOLATIONS = """window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(
    `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));"""


@pytest.mark.timeout(240)
def test_it_works(signed_in: Any, addresses: list[str]) -> None:
    signed_in.add_init_script(VIOLATIONS)
    for address in addresses:
        response = signed_in.goto(address)
        assert response.status == 200, address
        signed_in.wait_for_load_state("networkidle")
        assert signed_in.evaluate("violations") == [], address
    assert len(addresses) > 30


@pytest.mark.timeout(240)
def test_without_thumbnails_only_this_server_is_asked(
    signed_in: Any, addresses: list[str], live_server: Any, settings: Any
) -> None:
    cookie = {"name": settings.THUMBNAILS_COOKIE_NAME, "value": "off", "url": live_server.url}
    asked: list[str] = []
    signed_in.on("request", lambda request: asked.append(request.url))
    signed_in.goto(reverse("home"))
    assert [url for url in asked if not url.startswith(live_server.url)], "thumbnails are of another server"
    signed_in.context.add_cookies([cookie])
    asked.clear()
    for address in addresses:
        signed_in.goto(address)
    assert [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))] == []


@pytest.mark.parametrize("theme", ["system", "light", "dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_admin_follows_the_theme(signed_in: Any, live_server: Any, settings: Any, theme: str, scheme: str) -> None:
    cookie = {"name": settings.THEME_COOKIE_NAME, "value": theme, "url": live_server.url}
    signed_in.context.add_cookies([cookie])
    signed_in.emulate_media(color_scheme=scheme)
    expected = scheme if theme == "system" else theme
    is_dark = """() => {
        const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number);
        return red + green + blue < 300;
    }"""
    for name in ("admin:index", "admin:videos_keywordentry_changelist"):
        signed_in.goto(reverse(name))
        assert signed_in.evaluate(is_dark) is (expected == "dark")
    signed_in.get_by_role("button", name="Light" if expected == "dark" else "Dark").click()
    signed_in.wait_for_function(f"() => ({is_dark})() === {str(expected != 'dark').lower()}")
