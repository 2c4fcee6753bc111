"""/: adding keywords, their state, and the newest videos."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.dashboard.tests.builders import NOON, keyword_with_videos, log_of
from apps.videos.models import KeyWordEntry, Video, VideoLog
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db


def page(client: Client, address: str = "/", **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_it_works(client: Client) -> None:
    keyword_with_videos("kestrels", 2)
    shown = page(client)

    assert "kestrels" in shown
    assert "2 videos" in shown
    assert shown.count('<li class="card"') == 2


def test_nothing_watched_says_what_to_do(client: Client) -> None:
    assert "No keywords yet." in page(client)


def test_a_keyword_is_added(client: Client) -> None:
    response = client.post("/", {"keyword": "  red   kite ", "interval": "1 h 30 min"}, follow=True)

    entry = KeyWordEntry.objects.get()
    assert (entry.keyword, entry.interval, entry.state) == ("red kite", 5400, "watched")
    assert response.redirect_chain == [(f"/keywords/{entry.pk}/", 302)]
    assert "Now watching" in response.content.decode()


def test_no_interval_is_the_default_one(client: Client) -> None:
    client.post("/", {"keyword": "red kite"})
    assert KeyWordEntry.objects.get().interval is None


def test_a_keyword_in_other_spelling_is_opened(client: Client) -> None:
    entry = keyword_with_videos("Red Kite")
    response = client.post("/", {"keyword": "red  KITE", "interval": "5 min"}, follow=True)

    assert response.redirect_chain == [(f"/keywords/{entry.pk}/", 302)]
    assert "already exists. Its interval was not changed." in response.content.decode()
    assert KeyWordEntry.objects.get().interval is None


@pytest.mark.parametrize(
    ("keyword", "interval", "says"),
    [
        ("", "", "Enter a keyword."),
        ("   ", "", "Enter a keyword."),
        ("x" * 501, "", "A keyword can have at most 500 characters."),
        ("\u200b", "", "at least one visible character"),
        ("red kite", "often", "Enter a duration such as 30 min, 2 h or 1 day"),
        ("red kite", "40 days", "Enter a duration from 1 s to 30 days."),
        ("red kite", "0 s", "Enter a duration from 1 s to 30 days."),
    ],
)
def test_mistakes_are_explained_at_the_field_and_input_is_kept(
    client: Client, keyword: str, interval: str, says: str
) -> None:
    response = client.post("/", {"keyword": keyword, "interval": interval})

    shown = response.content.decode()
    assert says in shown
    assert 'aria-invalid="true"' in shown
    assert not interval or f'value="{interval}"' in shown
    assert not keyword.strip() or f'value="{keyword}"' in shown
    assert not KeyWordEntry.objects.exists()


def test_what_people_and_youtube_write_is_text(client: Client) -> None:
    keyword_with_videos("<b>bold</b>")
    Video.objects.update(title="<script>alert(1)</script>", channel_title="<i>Channel</i>")
    shown = page(client)

    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert not any(tag in shown for tag in ("<b>", "<i>", "<script>"))


@pytest.mark.parametrize("title", ["", "\u3164", "\u200b \u2800"])
def test_a_video_whose_title_cannot_be_seen_is_named_by_its_id(client: Client, title: str) -> None:
    keyword_with_videos("kestrels", 1)
    Video.objects.update(title=title)
    assert f">{Video.objects.get().pk}</a></h3>" in page(client)


@time_machine.travel(NOON, tick=False)
def test_times_are_relative_with_the_exact_time(client: Client) -> None:
    keyword_with_videos("kestrels")
    KeyWordEntry.objects.update(last_fetched_at=NOON - timedelta(minutes=2), next_due_at=NOON + timedelta(minutes=5))
    shown = page(client)

    assert '<time datetime="2026-11-20T11:58:00+00:00" title="2026-11-20 11:58:00 UTC">2 min ago</time>' in shown
    assert ">in 5 min</time>" in shown


def test_a_failure_is_shown_with_its_reason(client: Client) -> None:
    log_of(keyword_with_videos(), status=VideoLog.Status.FAILED, message="YouTube does not answer.")
    shown = page(client)

    assert '<span class="outcome failed">failed</span> YouTube does not answer.' in shown


def test_a_paused_keyword_has_no_next_fetch(client: Client) -> None:
    entry = keyword_with_videos()
    entry.state = KeyWordEntry.State.PAUSED
    entry.save()

    assert '<span class="soft">none</span>' in page(client)


def test_a_card_shows_what_is_known(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    Video.objects.update(duration=3723, view_count=1234567, thumbnail="", published_exact=False)
    shown = page(client)

    assert '<span class="badge">1:02:03</span>' in shown
    assert "1,234,567 views" in shown
    assert "<img" not in shown.partition("<main")[2]
    assert "Estimated: " in shown
    assert f'class="chip" href="/keywords/{entry.pk}/"' in shown


def test_a_card_names_every_keyword_that_found_it(client: Client) -> None:
    for word in ("one", "two", "three", "four", "five"):
        store(KeyWordEntry.objects.watch(word)[0], found_video("shared"))
    shown = page(client)

    assert shown.count('class="chip"') == 3
    assert 'title="four, five">and 2 more' in shown


def test_a_live_video_says_so(client: Client) -> None:
    keyword_with_videos()
    Video.objects.update(live_state=Video.LiveState.LIVE, duration=0)
    assert '<span class="badge live">live</span>' in page(client)


def test_videos_come_in_pages(client: Client) -> None:
    keyword_with_videos(number=30)

    first, second = page(client), page(client, "/?page=2")
    assert (first.count('class="card"'), second.count('class="card"')) == (24, 6)
    assert 'href="?page=2" rel="next"' in first
    assert 'href="?page=1" rel="prev"' in second
    assert page(client, "/?page=no-number").count('class="card"') == 24


def test_only_the_newest_page_keeps_itself_up_to_date(client: Client) -> None:
    keyword_with_videos(number=30)
    assert 'hx-get="/"' in page(client)
    assert "hx-get" not in page(client, "/?page=2")


def test_htmx_gets_only_the_live_part(client: Client) -> None:
    keyword_with_videos("kestrels")
    shown = page(client, HX_Request="true")

    assert "kestrels" in shown
    assert "<html" not in shown
    assert "<form" not in shown


def test_many_keywords_have_a_page_of_their_own(client: Client) -> None:
    for number in range(21):
        KeyWordEntry.objects.create(keyword=f"keyword {number:02}")

    home, every = page(client), page(client, "/keywords/")
    assert "All 21 keywords" in home
    assert "keyword 20" not in home
    assert "keyword 20" in every


@pytest.mark.parametrize("number", [1, 25])
def test_queries_do_not_grow_with_what_is_shown(
    client: Client, django_assert_num_queries: Callable[..., Any], number: int
) -> None:
    for n in range(min(number, 20)):
        log_of(keyword_with_videos(f"keyword {n}", number))

    # 1 incidents, 2 number of videos, 3 their ids, 4 videos, 5 their keywords, 6 number of keywords, 7 keywords;
    # the cost of adding a keyword: 8 keys, 9 used quota, 10 gaps, 11 further pages, 12 rates, weights and
    # intervals
    with django_assert_num_queries(12) as queries:
        page(client)
    assert not any("COUNT" in query["sql"] and '"videos_video"' in query["sql"] for query in queries)
    with django_assert_num_queries(6):  # without the banners and the form
        page(client, HX_Request="true")


@pytest.mark.parametrize(
    ("state", "start", "words"),
    [
        ("upcoming", datetime(2026, 11, 28, 18, 0, tzinfo=UTC), "Starts <time> 28 Nov 18:00 UTC"),
        ("upcoming", datetime(2027, 1, 2, 3, 4, tzinfo=UTC), "Starts <time> 2 Jan 2027 03:04 UTC"),
        ("live", datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "Live since <time> 20 Nov 09:30 UTC"),
        ("completed", datetime(2026, 11, 20, 9, 0, tzinfo=UTC), "Premiered or streamed <time> 3 h ago"),
    ],
)
def test_a_card_says_when_a_premiere_or_stream_starts(client: Client, state: str, start: datetime, words: str) -> None:
    keyword_with_videos()
    Video.objects.update(live_state=state, starts_at=start)
    with time_machine.travel(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), tick=False):
        shown = page(client)
    assert words in re.sub(r"\s+", " ", re.sub(r"<time[^>]*>", "<time> ", shown))
    assert ('data-local="date"' in shown) == (state != "completed")


def test_a_stream_that_is_over_says_so_without_its_start(client: Client) -> None:
    keyword_with_videos()
    Video.objects.update(live_state="completed")
    assert "<span>premiered or streamed</span>" in page(client)
