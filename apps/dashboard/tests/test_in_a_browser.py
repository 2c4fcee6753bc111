"""The pages in a browser: with and without JavaScript, and on a phone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.dashboard.tests.builders import keyword_with_videos, log_of
from apps.dashboard.tests.conftest import ask
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db(transaction=True)

AWKWARD = ["<b>bold</b>", "AC/DC", "日本語", "قهوة عربية", "x" * 500]


def watch_birds() -> None:
    """Watch 120 keywords, without planning after each."""
    names = [f"bird {number:03}" for number in range(120)]
    KeyWordEntry.objects.bulk_create(KeyWordEntry(keyword=name, normalized=name) for name in names)


def test_it_works(page: Any) -> None:
    page.goto("/")
    page.get_by_label("Keyword", exact=True).fill("kestrels")
    page.get_by_label("Interval", exact=True).fill("30 min")
    page.get_by_role("button", name="Watch", exact=True).click()

    page.get_by_role("heading", name="kestrels").wait_for()
    entry = KeyWordEntry.objects.get()
    assert entry.interval == 1800
    assert page.get_by_text("The first fetch takes a few seconds").is_visible()

    # The page shows what a fetch finds without a reload.
    store(entry, found_video("found-later", title="A kestrel hovers"))
    page.get_by_role("link", name="A kestrel hovers").wait_for(timeout=10_000)


def test_a_refresh_does_not_disturb_the_reader(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 12)
    page.goto("/")
    page.get_by_text("Add keyword", exact=True).click()
    page.get_by_label("Keyword", exact=True).fill("half a wor")
    link = page.locator(f"#to-video-{entry.pk}-0009")
    link.focus()
    page.evaluate("scrollTo(0, 300); window.row = document.querySelector('.card:last-child')")

    incidents.open(Incident.Kind.DISK_FULL, "It is full.")
    store(entry, found_video("found-later", title="A kestrel hovers"))
    ask(page)
    page.get_by_text("It is full.").wait_for()
    page.get_by_text("1 new video. Show").wait_for()

    assert page.get_by_label("Keyword", exact=True).input_value() == "half a wor"
    assert page.evaluate("document.activeElement.id") == f"to-video-{entry.pk}-0009"
    assert page.evaluate("row.isConnected")
    page.get_by_role("link", name="1 new video. Show").click()
    page.get_by_role("link", name="A kestrel hovers").wait_for()


def test_an_unchanged_page_stays_as_it_is(page: Any) -> None:
    keyword_with_videos("kestrels", 2)
    page.clock.install()
    page.goto("/")
    statuses = []
    for _ in range(3):
        with page.expect_response("**/*shown_to=*") as answer:
            page.clock.run_for(5_000)
        statuses.append(answer.value.status)
    assert statuses[-1] == 304
    expect(page.get_by_text("1 watched")).to_be_visible()
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator("#connection-lost")).to_be_hidden()


def test_what_comes_meanwhile_does_not_move_what_is_read(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 12)
    for address in ("/", f"/keywords/{entry.pk}/"):
        page.goto(address)
        places = "[...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect().top)"
        before = page.evaluate(places)
        store(entry, found_video(f"found-later-{len(address)}"))
        ask(page)
        page.get_by_text("1 new video. Show").wait_for()
        assert page.evaluate(places) == before


def test_videos_are_filtered_while_the_page_refreshes(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 3)
    page.goto("/")
    page.get_by_label("Search videos").fill("kestrel hovers")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("No stored video matches these filters.").wait_for()
    page.get_by_text("More filters").click()
    page.get_by_label("Channel").fill("half a na")

    store(entry, found_video("found-later", title="A kestrel hovers"))
    ask(page)
    page.get_by_text("1 new video. Show").wait_for()
    assert page.get_by_label("Channel").input_value() == "half a na"
    page.get_by_role("link", name="1 new video. Show").click()
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_role("link", name="Clear all filters").click()
    page.wait_for_url("**/")


def test_keys_move_and_open(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 3)
    page.goto(f"/keywords/{entry.pk}/")
    for key, number in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == f"to-video-{entry.pk}-000{number}"
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    assert page.get_by_label("Search videos").input_value() == "jk?"
    page.keyboard.press("Tab")
    page.locator("h3 a").first.focus()
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.context.route("https://www.youtube.com/**", lambda route: route.fulfill(body="YouTube"))
    with page.context.expect_page() as opened:
        page.keyboard.press("o")
    opened.value.wait_for_url("https://www.youtube.com/watch?v=*")
    assert opened.value.evaluate("window.opener") is None
    assert page.url.endswith(f"/keywords/{entry.pk}/")


def test_keys_mark_videos(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 3)
    page.goto(f"/keywords/{entry.pk}/")
    first, second = Video.objects.newest_first()[:2]
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.locator(f"#video-{first.pk} .star[aria-pressed=true]").wait_for()
    assert page.evaluate("document.activeElement.closest('.card')?.id") == f"video-{first.pk}"
    page.keyboard.press("m")
    page.locator(f"#video-{first.pk}.seen").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator(f"#video-{second.pk}.gone").wait_for()
    assert [Video.objects.get(pk=pk).is_hidden for pk in (first.pk, second.pk)] == [False, True]
    page.keyboard.press("x")
    page.locator(f"#video-{second.pk} .picture").wait_for()
    assert not Video.objects.get(pk=second.pk).is_hidden


def test_no_key_is_lost_while_others_are_sent(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 3)
    first, second = Video.objects.newest_first()[:2]
    page.goto(f"/keywords/{entry.pk}/")
    page.evaluate("window.sameDocument = true")
    held: list[Any] = []
    # The first answer comes after all keys are pressed.
    page.route("**/marks/", lambda route: route.continue_() if held else held.append(route))
    for key in "jsmjxk":
        page.keyboard.press(key)
    held[0].continue_()
    page.locator(f"#video-{second.pk}.gone").wait_for()
    page.locator(f"#video-{first.pk}.seen .star[aria-pressed=true]").wait_for()
    assert page.evaluate("document.activeElement.id") == f"to-video-{first.pk}"
    assert page.evaluate("window.sameDocument")


@pytest.mark.parametrize(("locale", "shown"), [("en-GB", "20 Nov 21:00"), ("en-US", "20 Nov 9:00")])
def test_times_pass_and_are_local(browser: Any, live_server: Any, locale: str, shown: str) -> None:
    entry = keyword_with_videos("kestrels", 1)
    KeyWordEntry.objects.update(next_due_at=timezone.now() + timedelta(seconds=50))
    context = browser.new_context(base_url=live_server.url, timezone_id="Asia/Tokyo", locale=locale)
    page = context.new_page()
    page.goto(f"/keywords/{entry.pk}/")
    countdown = page.locator(".standing time", has_text="in ")
    first = countdown.inner_text()
    expect(countdown).not_to_have_text(first)
    page.goto(f"/videos/{entry.pk}-0000/")
    assert page.get_by_text(shown).is_visible()
    context.close()


def test_a_keywords_page_asks_each_second_while_it_is_fetched(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 1)
    log = log_of(entry, status=VideoLog.Status.RUNNING)
    asked: list[str] = []
    page.clock.install()
    page.goto(f"/keywords/{entry.pk}/")
    page.on("request", lambda request: "hx-request" in request.headers and asked.append(request.url))

    def pass_a_second() -> None:
        with page.expect_response(f"**/keywords/{entry.pk}/**"):
            page.clock.run_for(1_000)

    for _ in range(3):
        pass_a_second()
    log.status = VideoLog.Status.DONE
    log.save()
    pass_a_second()
    expect(page.locator("#each-second")).to_have_count(0)
    asked.clear()
    page.clock.run_for(10_000)
    page.wait_for_load_state("networkidle")
    assert len(asked) <= 3  # every five, and the browser's clock goes on by itself


def test_a_hidden_page_asks_for_nothing(page: Any) -> None:
    keyword_with_videos()
    asked: list[str] = []
    page.clock.install()
    page.goto("/")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    # The browser itself may still be fetching the page's picture.
    page.on("request", lambda request: "hx-request" in request.headers and asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []

    page.evaluate("delete document.hidden")
    with page.expect_response("**/*shown_to=*"):
        ask(page)
    assert len(asked) == 1


def test_everything_works_without_javascript(browser: Any, live_server: Any, page: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Keyword", exact=True).fill("kestrels")
    page.get_by_role("button", name="Watch", exact=True).click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert KeyWordEntry.objects.get().state == "paused"
    store(KeyWordEntry.objects.get(), found_video("one", title="A kestrel"), found_video("two", title="A nest"))
    page.goto("/")
    page.locator("#video-one").get_by_role("button", name="Seen").click()
    page.get_by_text("Marked as seen.").wait_for()
    page.locator("#video-two").get_by_role("button", name="Hide").click()
    page.get_by_text("More filters").click()
    page.get_by_label("Hidden").select_option("only hidden")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".card h3")).to_have_text(["A nest"])
    page.get_by_text("Save as a view").click()
    page.get_by_label("Name").fill("What I hid")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="All videos").click()
    expect(page.locator(".card h3")).to_have_text(["A kestrel"])
    page.get_by_role("link", name="What I hid").click()
    expect(page.locator(".card h3")).to_have_text(["A nest"])
    page.get_by_role("link", name="kestrels").first.click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted “kestrels”")).to_be_visible()
    context.close()


def test_the_first_video_is_on_the_first_screen(page: Any) -> None:
    entry = keyword_with_videos("kestrels", 3)
    log_of(entry)
    incidents.open(Incident.Kind.YOUTUBE_UNAVAILABLE, "YouTube does not answer.", subject="search")
    for width, height in ((1280, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for address in ("/", "/?seen=false&found_after=2026-11-01", f"/keywords/{entry.pk}/"):
            page.goto(address)
            assert page.locator(".card").first.bounding_box()["y"] < height, (address, width)


def test_nothing_scrolls_sideways_on_a_phone(page: Any) -> None:
    for keyword in AWKWARD:
        log_of(keyword_with_videos(keyword, 3), message="W" * 200)
    Video.objects.update(title="W" * 100, channel_title="W" * 100, duration=36_000, view_count=10**10)
    long = KeyWordEntry.objects.find("x" * 500)
    assert long is not None

    page.set_viewport_size({"width": 390, "height": 800})
    for address in (
        "/",
        "/?live=none&search=w",
        "/keywords/",
        f"/keywords/{long.pk}/",
        f"/keywords/{long.pk}/delete/",
        f"/keywords/{long.pk}/statistics/",
        f"/keywords/{long.pk}/settings/",
        "/statistics/?days=90",
        "/quota/",
        "/log/",
        "/sign-in/",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address


@pytest.mark.parametrize("address", ["/docs/", "/redoc/"])
def test_the_pages_of_the_api_show_themselves(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_text("/api/keywords/", exact=True).first.wait_for(state="attached")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="Windhover").click()
    page.wait_for_url("**/")
    page.get_by_text("Windhover watches YouTube for keywords").wait_for()


@pytest.mark.parametrize("address", ["/docs/", "/redoc/"])
def test_the_pages_of_the_api_follow_the_colors_of_the_system(page: Any, address: str) -> None:
    page.goto(address)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(
            """scheme => {
                const heading = document.querySelector("#swagger-ui .title, #redoc h1");
                const red = heading && Number(getComputedStyle(heading).color.match(/[0-9]+/)[0]);
                return heading && (scheme === "dark" ? red > 128 : red < 128);
            }""",
            arg=scheme,
        )


def test_the_type_of_a_problem_leads_to_its_description(page: Any) -> None:
    page.goto("/api/problems/not_watched")
    described = page.get_by_role("heading", name="not_watched")
    described.wait_for()
    page.wait_for_function(
        "heading => heading.getBoundingClientRect().top < innerHeight", arg=described.element_handle()
    )


def test_what_is_selected_stays_so_while_the_list_refreshes(page: Any) -> None:
    watch_birds()
    entry = KeyWordEntry.objects.find("bird 002")
    assert entry is not None
    page.goto("/keywords/")
    assert not page.get_by_role("button", name="Pause").is_visible()
    page.get_by_label("bird 001").check()
    page.get_by_label("bird 002").check()
    assert page.get_by_text("2 selected").is_visible()

    log_of(entry, status=VideoLog.Status.FAILED, message="YouTube does not answer.")
    KeyWordEntry.objects.filter(pk=entry.pk).update(last_status=VideoLog.Status.FAILED)
    ask(page)
    page.get_by_text("YouTube does not answer.").wait_for()
    assert page.get_by_role("row").nth(1).get_by_role("checkbox").is_checked(), "it stands first now"
    assert page.get_by_label("bird 001").is_checked()
    assert page.locator("input.pick:checked").count() == 2
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused 2 keywords.").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone: 2 keywords are as before.").wait_for()
    assert KeyWordEntry.objects.watched().count() == 120


def test_a_page_or_all_are_selected_by_one_click(page: Any) -> None:
    watch_birds()
    page.goto("/keywords/")
    page.get_by_label("This page").check()
    assert page.get_by_text("50 selected").is_visible()
    page.get_by_label("bird 003").uncheck()
    assert page.get_by_text("49 selected").is_visible()
    page.get_by_label("Select all 120").check()
    assert page.get_by_text("All 120 selected").is_visible()
    page.get_by_label("Weight").fill("7")
    page.get_by_label("Weight").press("Enter")
    page.get_by_text("Set the weight of 120 keywords to 7.").wait_for()
    assert set(KeyWordEntry.objects.values_list("weight", flat=True)) == {7}


def test_many_keywords_without_javascript(browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/keywords/add/")
    page.get_by_label("Keywords, one a line").fill("\n".join(f"bird {n:03}" for n in range(120)))
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Add 120 keywords").click()
    expect(page.get_by_text("Added 120 keywords.")).to_be_visible()
    page.get_by_label("bird 001").check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted 1 keyword.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_label("Search keywords").fill("00")
    page.get_by_role("button", name="Show").click()
    assert not page.get_by_label("This page").is_visible()
    page.get_by_label("Select all 11 that match").check()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused 11 keywords.")).to_be_visible()
    page.get_by_role("link", name="Paused 11").click()
    expect(page.get_by_role("row")).to_have_count(12)
    context.close()


def test_lists_of_keywords_fit_a_phone(page: Any) -> None:
    for keyword in AWKWARD:
        log_of(keyword_with_videos(keyword), message="W" * 200, status=VideoLog.Status.FAILED)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/keywords/")
    page.get_by_label("Select all 5").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    targets = page.locator(
        "main a:visible, main button:visible:not([aria-hidden]), main label:has(input):visible, main .choice:visible"
    )
    sizes = [(target.get_attribute("id"), target.bounding_box()["height"]) for target in targets.all()]
    assert not [size for size in sizes if size[1] < 24], "targets are too small"
    page.goto("/keywords/add/")
    page.get_by_label("Keywords, one a line").fill(f"{'x' * 501}\nowl")
    page.get_by_role("button", name="Check").click()
    page.get_by_text("1 new, 0 known, 1 refused").wait_for()
    page.wait_for_load_state()  # with its style sheet
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
