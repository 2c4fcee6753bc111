"""In a browser, what the other tests of the browser leave out: searches run short, and something breaks."""

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.dashboard.tests.builders import keyword_with_videos, log_of
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys, ledger, pacific
from apps.quota.models import ApiKey
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.scheduling import beat
from apps.videos.tests.builders import spend

pytestmark = pytest.mark.django_db(transaction=True)

SOON = {"timeout": 12_000}


@pytest.fixture(autouse=True)
def one_key(settings: Any, transactional_db: None) -> None:
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()


def test_searches_run_short(page: Any) -> None:
    """What is left and planned; what another weight changes before it is saved; what a fetch uses; then, nothing."""
    kestrel, falcon = keyword_with_videos("kestrels", 3), keyword_with_videos("falcons", 3)
    now = timezone.now()
    KeyWordEntry.objects.update(last_fetched_at=now, searched_through=now, next_due_at=now)
    beat.sync()

    page.goto("/quota/")
    expect(page.get_by_text("0 of 100 used.")).to_be_visible()
    page.get_by_role("link", name="Change interval or weight of kestrels").click()
    page.get_by_label("Weight").fill("9")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Effect")).to_be_visible()
    kestrel.refresh_from_db()
    assert kestrel.weight == 1, "nothing is saved yet"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Fetch now · uses 1 of 100 searches")).to_be_visible()
    kestrel.refresh_from_db()
    assert kestrel.weight == 9

    spend(ledger.limit("birds", "search"))
    reset = pacific.next_reset(timezone.now())
    page.goto("/quota/")
    expect(page.get_by_text("100 of 100 used.")).to_be_visible()
    expect(page.get_by_text("Search rate")).to_have_count(0)
    local = page.evaluate("time => new Date(time).toLocaleTimeString([], {timeStyle: 'short'})", reset.isoformat())
    expect(page.get_by_role("row", name="falcons")).to_contain_text(f"waits until {local}")
    page.goto(f"/keywords/{falcon.pk}/")
    expect(page.get_by_text("Fetch now: waits until")).to_be_visible()
    expect(page.get_by_role("button", name="Fetch now")).to_have_count(0)


def test_something_broke(page: Any) -> None:
    """A problem shows itself on an open page; the failing keyword is named and stands first; a key is tried again."""
    keyword_with_videos("falcons", 3)
    kestrel = keyword_with_videos("kestrels", 3)
    page.goto("/")
    expect(page.get_by_role("alert")).to_have_count(0)

    incidents.open(Incident.Kind.YOUTUBE_UNAVAILABLE, "YouTube does not answer.", subject="search")
    log_of(kestrel, status=VideoLog.Status.FAILED, error_code="source_unavailable", message="YouTube does not answer.")
    KeyWordEntry.objects.filter(pk=kestrel.pk).update(last_status=VideoLog.Status.FAILED)
    expect(page.get_by_text("YouTube does not answer.").first).to_be_visible(**SOON)
    expect(page.get_by_role("link", name="kestrels").first).to_be_visible()

    page.goto("/keywords/")
    expect(page.locator("tbody tr").first).to_contain_text("kestrels")
    page.goto("/log/")
    page.get_by_label("Status").select_option("failed")
    page.get_by_label("Keyword").fill("kestrels")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)

    incidents.close(Incident.Kind.YOUTUBE_UNAVAILABLE)
    (key,) = ApiKey.objects.all()
    keys.refuse(key, "The key has expired.")
    page.goto("/quota/")
    page.get_by_role("button", name="Try birds again").click()
    expect(page.get_by_text("“birds” will be tried again with the next search.")).to_be_visible()
    key.refresh_from_db()
    assert key.state == ApiKey.State.ACTIVE
