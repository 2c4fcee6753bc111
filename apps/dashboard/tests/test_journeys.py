"""What people come for, each as a story in a browser. The first, a video within a minute, is in tests/, as it needs a
worker."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from apps.dashboard.tests.builders import keyword_with_videos, log_of
from apps.dashboard.tests.conftest import ask
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys, ledger, pacific
from apps.quota.models import ApiKey
from apps.videos import hiding
from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.scheduling import beat
from apps.videos.tests.builders import found_video, spend, store

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL = "UC" + "b" * 22


@pytest.fixture(autouse=True)
def one_key(settings: Any, transactional_db: None) -> None:
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()


def test_morning_triage(page: Any, live_server: Any) -> None:
    """What is new since the last visit is filtered, saved as a view and marked; a rule hides short videos."""
    falcons, owls = keyword_with_videos("falcons", 9), keyword_with_videos("owls", 3)
    Video.objects.update(created_at=timezone.now() - timedelta(days=1))
    store(owls, found_video("shorts-only", title="Owls #shorts", duration=30, channel_id=CHANNEL))
    store(falcons, *(found_video(f"new-{n}", title=f"Falcon number {n}", duration=600) for n in range(2)))
    visited = round((timezone.now() - timedelta(hours=2)).timestamp())
    page.context.add_cookies([{"name": settings.VISIT_COOKIE_NAME, "value": f".{visited}", "url": live_server.url}])

    page.goto("/")
    expect(page.get_by_role("heading", name="3 new since")).to_be_visible()
    expect(page.locator(".chips").first).to_contain_text("falcons 2")
    expect(page.locator(".card, .divider").nth(3)).to_contain_text("Found before")
    page.get_by_label("Search videos").fill("falcon number")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".card")).to_have_count(2)
    assert "search=falcon+number" in page.url
    page.get_by_text("Save as a view").click()
    page.get_by_label("Name").fill("Numbered")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Numbered")).to_have_attribute("aria-current", "true")
    page.wait_for_load_state()  # before which the keys do nothing

    # The keyboard marks; each mark can be undone.
    first, second = page.locator(".card").nth(0), page.locator(".card").nth(1)
    page.keyboard.press("j")
    page.keyboard.press("m")
    expect(first).to_have_class("card seen")
    page.keyboard.press("s")
    expect(first.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    second.get_by_role("button", name="Hide").click()
    expect(second).to_contain_text("Hidden:")
    second.get_by_role("button", name="Undo").click()
    expect(second.get_by_role("button", name="Hide")).to_be_visible()

    # A rule says how many it hides before it does, and what it hid comes back.
    page.get_by_role("link", name="All videos").click()
    page.locator("#video-shorts-only").get_by_role("link", name="Hide channel…").click()
    page.get_by_label("Hide videos").select_option("min_duration")
    page.get_by_label("Which").fill("1 min")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("this hides 1 stored video")).to_be_visible()
    page.get_by_role("button", name="Add rule").click()
    expect(page.get_by_text("It hides 1 stored video.")).to_be_visible()
    assert page.url == f"{live_server.url}/"
    hiding.apply_pending()
    page.reload()
    expect(page.locator("#video-new-1")).to_be_visible()
    expect(page.locator("#video-shorts-only")).to_have_count(0)
    page.goto("/rules/")
    page.get_by_role("button", name="Delete").click()
    hiding.apply_pending()
    page.goto("/")
    expect(page.locator("#video-shorts-only")).to_be_visible()

    # What comes meanwhile is announced, and moves nothing.
    above = page.locator(".card").first.bounding_box()
    store(falcons, found_video("just-found", title="A falcon, just found"))
    ask(page)
    expect(page.get_by_role("link", name="1 new video. Show")).to_be_visible()
    assert page.locator(".card").first.bounding_box() == above
    page.get_by_role("link", name="1 new video. Show").click()
    expect(page.locator("#video-just-found")).to_be_visible()


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
    ask(page)
    expect(page.get_by_text("YouTube does not answer.").first).to_be_visible()
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


def test_how_it_is_going(page: Any, client: Client) -> None:
    """Statistics of all and of one keyword, in charts with tables behind them, agree with the REST API."""
    owls = KeyWordEntry.objects.create(keyword="owls")
    now = timezone.now()
    KeyWordEntry.objects.update(created_at=now - timedelta(days=2))
    delays = {"soon": 10, "later": 50, "late": 600}
    store(owls, *(found_video(name, published_at=now - timedelta(minutes=by)) for name, by in delays.items()))
    page.emulate_media(color_scheme="dark")
    for address, source in (
        ("/statistics/", "/api/stats/"),
        (f"/keywords/{owls.pk}/statistics/", f"/api/keywords/{owls.pk}/stats/"),
    ):
        newest = client.get(source).json()["newest"]
        page.goto(address)
        assert newest["delay"]["within_1h"] == pytest.approx(2 / 3)
        expect(page.get_by_text("67 %", exact=True)).to_be_visible()
        expect(page.get_by_role("row", name="A channel")).to_contain_text(str(newest["channels"][0]["videos"]))
        charts = page.locator("figure.chart")
        for number in range(charts.count()):
            chart = charts.nth(number)
            if chart.locator("svg").count():
                chart.get_by_text("Show as table").click()
                expect(chart.get_by_role("table")).to_be_visible()
        delays_table = page.get_by_role("table", name="Found after publication")
        steps = [f"{step['videos'] / 3:.0%}".replace("%", " %") for step in newest["delay"]["steps"]]
        assert delays_table.locator("tbody td.figure").all_inner_texts() == steps


def test_a_thousand_keywords(page: Any) -> None:
    """Lines are pasted and summed up; many are found, sorted, selected, changed and deleted, and that is undone."""
    for known in ("bird 000", "bird 999"):
        KeyWordEntry.objects.create(keyword=known)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/keywords/add/")
    page.get_by_label("Keywords, one a line").fill("\n".join([*(f"bird {n:03}" for n in range(999)), "x" * 501]))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="998 new, 1 known, 1 refused")).to_be_visible()
    page.get_by_role("button", name="Add 998 keywords").click()
    expect(page.get_by_role("heading", name="Added 998 keywords, 1 known, 1 refused")).to_be_visible()

    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("/keywords/?search=bird+00")
    page.get_by_label("Select all 10 that match").check()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused 10 keywords.")).to_be_visible()
    page.get_by_role("link", name="Paused 10").click()
    page.get_by_label("Select all 10 that match").check()
    page.get_by_label("Interval").fill("2 h")
    page.get_by_role("button", name="Set interval").click()
    expect(page.get_by_text("Set the interval of 10 keywords")).to_be_visible()
    assert KeyWordEntry.objects.filter(interval=7200, state="paused").count() == 10
    page.goto("/keywords/")
    page.get_by_label("Select all 1,000").check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted 1,000 keywords.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 1,000 keywords are as before.")).to_be_visible()

    with page.expect_download() as exported:
        page.get_by_role("link", name="Export CSV").click()
    KeyWordEntry.objects.filter(keyword__lt="bird 900").delete()
    page.goto("/keywords/add/")
    page.get_by_label("Or a file").set_input_files(exported.value.path())
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="900 new, 100 known, 0 refused")).to_be_visible()
    page.get_by_role("button", name="Add 900 keywords").click()
    expect(page.get_by_text("Added 900 keywords.")).to_be_visible()
    assert KeyWordEntry.objects.filter(interval=7200, state="paused").count() == 10
