from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def nothing_is_sent(sent: list[tuple]) -> None:
    """Keep messages instead of sending them to a broker."""


def ask(page: Any) -> None:
    """Let an open page ask now whether it changed, as it does each few seconds."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.fixture
def page(browser: Any, live_server: Any) -> Iterator[Any]:
    """A page that fails the test if the browser reports an error."""
    complaints: list[str] = []
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 800})
    # Thumbnails on other machines cannot be loaded.
    context.route("https://i.ytimg.com/**", lambda route: route.fulfill(status=200, body="", content_type="image/png"))
    page = context.new_page()
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
