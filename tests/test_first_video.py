"""The demo in a browser: from an empty home to the first videos, which go on coming."""

from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.running import running_windhover

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

SOON = {"timeout": 60_000}  # for slow machines


def test_the_first_videos_of_a_keyword(browser: Any, tmp_path: Path) -> None:
    with running_windhover(tmp_path) as windhover:
        context = browser.new_context(base_url=windhover.url, viewport={"width": 390, "height": 844})
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))

        # An empty home says what this is and offers examples; it is the demo, and how to leave that.
        page.goto("/")
        expect(page.get_by_text("Windhover watches YouTube for keywords")).to_be_visible(**SOON)
        expect(page.locator(".examples button")).to_have_count(3, **SOON)
        expect(page.get_by_text("YT_KEYS")).to_be_visible(**SOON)

        # A preview shows eight videos and what to expect, and leaves nothing when it is discarded.
        page.get_by_label("Keyword", exact=True).fill("  Raspberry   PI ")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator(".card")).to_have_count(8, **SOON)
        expect(page.get_by_text("per day").first).to_be_visible(**SOON)
        page.get_by_role("button", name="Discard").click()
        expect(page.get_by_text("Discarded the preview of “Raspberry PI”.")).to_be_visible(**SOON)
        expect(page.get_by_text("Not watching any keyword yet.")).to_be_visible(**SOON)

        # What is watched is searched at once, and its page shows the videos without a reload.
        # In the demo, about 20 videos a minute are about curlews.
        page.get_by_label("Keyword", exact=True).fill("curlew")
        page.get_by_role("button", name="Watch", exact=True).click()
        expect(page.get_by_role("heading", name="curlew")).to_be_visible(**SOON)
        page.evaluate("window.loaded = true")
        expect(page.locator(".card").first).to_be_visible(**SOON)
        assert page.evaluate("window.loaded")
        videos = requests.get(f"{windhover.url}/api/keyword/CURLEW/videos/", timeout=30).json()
        assert videos["count"] >= 50
        expect(page.locator(f"#video-{videos['results'][-1]['video_id']}")).to_be_visible(**SOON)

        # From here on only beat triggers fetches, and what they find is announced.
        expect(page.get_by_role("link", name="Show").filter(has_text="new video")).to_be_visible(**SOON)
        context.close()
    assert complaints == []
