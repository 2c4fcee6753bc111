"""Charts in a browser: values under the pointer and by the keyboard, tables that stay open, the reader's time."""

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone

from apps.quota import keys, pacific
from apps.quota.models import QuotaSpend
from apps.videos.models import KeyWordEntry, VideoLog

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def two_days_of_searches(settings: Any) -> None:
    settings.YT_KEYS = [("first", "a-secret-key")]
    keys.sync()
    today = pacific.day_of(timezone.now())
    for back, used in ((0, 30), (1, 64)):
        QuotaSpend.objects.create(project="first", day=today - timedelta(days=back), bucket="search", used=used)
    KeyWordEntry.objects.create(keyword="kestrels").logs.create(keyword_text="kestrels", searches=30)


def test_it_works(page: Any) -> None:
    page.goto("/quota/")
    area = page.locator("#chart-searches svg").bounding_box()
    tip = page.locator(".tip")
    assert not tip.is_visible()
    page.mouse.move(area["x"] + area["width"] * 28.5 / 30, area["y"] + 20)
    assert tip.inner_text().splitlines()[1:] == ["64 used"]
    above = tip.bounding_box()
    assert above["y"] + above["height"] <= area["y"]
    page.mouse.move(0, 0)
    assert not tip.is_visible()


def test_the_keyboard_chooses_a_place(page: Any) -> None:
    page.goto("/quota/")
    plot = page.get_by_role("group", name="Searches used in the last 30 days, chart")
    plot.focus()
    tip = page.locator(".tip")
    page.keyboard.press("End")
    assert "30 used" in tip.inner_text()
    page.keyboard.press("ArrowLeft")
    assert "64 used" in tip.inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert "0 used" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_a_table_stays_open_while_the_page_refreshes(page: Any) -> None:
    page.goto("/quota/")
    page.locator("#chart-hours summary").click()
    VideoLog.objects.create(searches=7)
    with page.expect_response(lambda response: "hx-request" in response.request.headers):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#chart-hours tbody").get_by_text("37", exact=True).wait_for()
    assert page.locator("#chart-hours table").is_visible()
    assert not page.locator("#chart-searches table").is_visible()


def test_times_are_the_readers(browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, timezone_id="Asia/Kolkata", locale="en-GB")
    page = context.new_page()
    page.goto("/quota/")
    # Hours of California begin at half past in India.
    first = page.locator("#chart-hours .labels.begin time").first
    assert first.inner_text().endswith(":30")
    page.locator("#chart-hours summary").click()
    assert page.locator("#chart-hours tbody th").first.inner_text().count(":30") == 2
    QuotaSpend.objects.update(used=100)
    page.goto("/quota/")
    assert " your time (in " in page.locator(".lead").inner_text()
    context.close()


def test_without_javascript_there_are_tables_and_utc(browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/statistics/")
    page.locator("#chart-searches summary").click()
    assert page.locator("#chart-searches tbody tr").last.inner_text().split()[-1] == "30"
    QuotaSpend.objects.update(used=100)
    page.goto("/quota/")
    lead = page.locator(".lead").inner_text()
    assert "UTC (in " in lead
    assert "your time" not in lead
    assert re.search(
        r"The day begins at \d\d:00 UTC, midnight in California\.", page.locator("#chart-hours").inner_text()
    )
    labels = [label.bounding_box() for label in page.locator("#chart-hours .labels.begin time").all()]
    assert len(labels) >= 8  # the day may have 25 hours
    assert all(one["x"] + one["width"] + 4 < other["x"] for one, other in pairwise(labels))
    context.close()
