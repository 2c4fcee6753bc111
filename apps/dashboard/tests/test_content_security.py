"""Pages load nothing from other servers, and run no inline code."""

import re

import pytest
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos
from core.found_video import IMAGES

pytestmark = pytest.mark.django_db


def test_it_works(client: Client, settings) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert {directives[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert directives["img-src"].split() == ["'self'", *settings.THUMBNAIL_ORIGINS]
    assert IMAGES in settings.THUMBNAIL_ORIGINS, "only thumbnails from these origins are stored"
    assert "unsafe" not in policy


def test_only_the_pages_of_the_api_style_themselves(client: Client) -> None:
    for address in ("/api/docs/", "/api/redoc/"):
        policy = client.get(address).headers["Content-Security-Policy"]
        assert "style-src 'self' 'unsafe-inline'" in policy
        assert "script-src 'self';" in f"{policy};"
    for address in ("/nowhere/", "/admin/login/", "/api/videos/"):
        assert "unsafe" not in client.get(address).headers["Content-Security-Policy"]


def test_pages_keep_to_it(client: Client) -> None:
    entry = keyword_with_videos()
    own = [f"/keywords/{entry.pk}/{page}" for page in ("", "delete/", "settings/", "statistics/")]
    many = ["/keywords/", "/keywords/add/"]
    for address in ("/", *own, *many, "/statistics/", "/quota/", "/log/", "/settings/", "/sign-in/", "/nowhere/"):
        shown = client.get(address).content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=\"/static/)|hx-on|hx-vals", shown)
        assert not re.search(r'<(?:script|link (?!rel="alternate"))[^>]*(?:src|href)="(?!/static/)', shown)
