"""The page with error details shows no password and no key."""

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_filter, technical_500_response

SECRET = "Tyto" + ".alba-9"  # in two parts, since the page shows lines of this file


def fail(request: HttpRequest) -> None:
    somewhere = {"deep": [f"redis://:{SECRET}@broker"]}  # noqa: F841
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("YT_KEYS", [("birds", SECRET)]),
        ("NOTIFY_URLS", f"tgram://{SECRET}/chat"),
        ("REDIS_URL", f"redis://:{SECRET}@broker"),
        ("CELERY_BROKER_URL", f"redis://:{SECRET}@broker"),
        ("CELERY_RESULT_BACKEND", f"redis://broker/?password={SECRET}"),
        ("DATABASES", {"default": {"USER": "me", "PASSWORD": SECRET}}),
        ("DATABASE_URL", f"postgres://me:{SECRET}@db/name"),
        ("LOGGING", {"formatters": {"line": {"secrets": [SECRET]}}}),
        ("SECRET_KEY", SECRET),
        ("INVIDIOUS_URL", f"https://me:{SECRET}@invidious.example"),
    ],
)
def test_settings_and_the_environment_are_hidden(settings: Any, name: str, value: Any) -> None:
    found = get_exception_reporter_filter(None).cleanse_setting(name, value)
    assert SECRET not in repr(found)
    # runserver puts the environment among the headers.
    request = RequestFactory().get("/", **{name: str(value)})
    if isinstance(value, str):
        assert SECRET not in repr(get_exception_reporter_filter(None).get_safe_request_meta(request))


def test_the_page_hides_them(settings: Any) -> None:
    settings.DEBUG = True
    settings.NOTIFY_URLS = f"mailtos://me:{SECRET}@example.org"
    settings.HARMLESS = "shown on the page"
    request = RequestFactory().get("/", HTTP_PROXY=f"http://me:{SECRET}@proxy")
    try:
        fail(request)
    except ZeroDivisionError as error:
        page = technical_500_response(request, type(error), error, error.__traceback__).content.decode()
    assert "shown on the page" in page
    assert "ZeroDivisionError" in page
    assert "broker" in page
    assert SECRET not in page
