"""Whatever the fields that pages read by name contain, on either database, the answer is below 500."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.apps import apps
from pytest_django import Settings

from apps.videos.models import KeyWordEntry
from apps.videos.tests.addresses import ADDRESSES
from apps.videos.tests.builders import fetched_keyword
from apps.videos.tests.wsgi import ask

pytestmark = pytest.mark.django_db

VIEWS = "".join(file.read_text() for file in Path(apps.get_app_config("dashboard").path, "views").glob("*.py"))
PARAMETERS = set(re.findall(r"""request\.GET(?:\.get\(|\[)["'](\w+)""", VIEWS))
FIELDS = {*re.findall(r"""request\.POST(?:\.get\(|\[)["'](\w+)""", VIEWS), "seen", "starred", "hidden"}
ODD = [
    "", "x", "true", "keyword", "admin:index", "a:b", "\0", "a-video \0", "\r\n", "/", "//evil.example", "http://[",
    "?", "..", "9" * 5000, "0001-01-01", "9999-12-31T23:59:59.999999", "9999-12-31T23:59-23:00", "\ud7ff\U0010ffff",
]  # fmt: skip
PAGES = [address for address in ADDRESSES if not address.startswith(("/api/", "/admin/"))]
PAGES.sort(key=lambda address: "delete" in address)  # last, so that the others have what they show
CSRF = "a" * 32


@pytest.fixture
def entry(settings: Settings) -> KeyWordEntry:
    settings.SIGN_IN = "off"
    return fetched_keyword("python")


def test_there_are_fields_and_pages() -> None:
    assert {"shown_to", "page", "days"} <= PARAMETERS
    assert {"next", "token", "video_ids"} <= FIELDS
    assert {"/", "/log/", "/videos/marks/", "/settings/appearance/"} <= set(PAGES)


@pytest.mark.parametrize("odd", ODD)
def test_any_text_in_all_fields(entry: KeyWordEntry, settings: Settings, odd: str) -> None:
    query, body = (urlencode(dict.fromkeys(names, odd)) for names in (PARAMETERS, FIELDS))
    form = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-CSRFToken": CSRF,
        "Cookie": f"{settings.CSRF_COOKIE_NAME}={CSRF}",
    }
    for page in PAGES:
        address = re.sub(r"%\((\w+)\)s", lambda name: "a-video" if name[1] == "video" else str(entry.pk), page)
        shown = ask("GET", f"{address}?{query}&search=title", {"HX-Request": "true"})
        changed = ask("POST", address, form, body.encode())
        assert max(shown.status, changed.status) < 500, (address, shown.status, changed.status)
