"""/: adding keywords, and all videos."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos, log_of
from apps.videos.models import KeyWordEntry, Video
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db


def page(client: Client, address: str = "/", **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def test_it_works(client: Client) -> None:
    keyword_with_videos("kestrels", 2)
    shown = page(client)

    assert "1 watched" in shown
    assert "2 videos" in shown
    assert shown.count('<li class="card"') == 2


def test_nothing_watched_says_what_to_do(client: Client) -> None:
    shown = page(client)
    assert "Windhover watches YouTube for keywords" in shown
    assert '<details class="add-keyword" open>' in shown
    assert '<input type="hidden" name="keyword" value="jazz piano">' in shown
    assert 'class="filters"' not in shown


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


def test_failing_keywords_are_named(client: Client) -> None:
    for number in range(5):
        entry = keyword_with_videos(f"keyword {number}")
        KeyWordEntry.objects.filter(pk=entry.pk).update(last_status="failed" if number else "done")
    counts = " ".join(re.sub("<[^>]+>", "", page(client).partition('class="counts"')[2].partition("</p>")[0]).split())
    assert counts == "> 5 watched 4 failing: keyword 1, keyword 2, keyword 3 …"


def test_videos_come_in_pages(client: Client) -> None:
    keyword_with_videos(number=30)

    first, second = page(client), page(client, "/?page=2")
    assert (first.count('class="card"'), second.count('class="card"')) == (20, 10)
    assert 'href="?page=2" rel="next"' in first
    assert 'href="?page=1" rel="prev"' in second
    assert page(client, "/?page=no-number").count('class="card"') == 20


def test_htmx_gets_only_the_live_part(client: Client) -> None:
    keyword_with_videos("kestrels")
    shown = page(client, HX_Request="true")

    assert "1 watched" in shown
    assert "<html" not in shown
    assert 'class="filters"' not in shown


@pytest.mark.parametrize("number", [1, 25])
def test_queries_do_not_grow_with_what_is_shown(
    client: Client, django_assert_num_queries: Callable[..., Any], number: int
) -> None:
    for n in range(min(number, 20)):
        log_of(keyword_with_videos(f"keyword {n}", number))

    # 1 incidents, 2 when the last video was found, 3 number of videos, 4 their ids, 5 videos, 6 their keywords,
    # 7 number of keywords by state, 8 saved views, 9 when a plan was requested; whether keywords wait: 10 keys,
    # 11 used quota
    page(client)  # computes the cost of adding a keyword
    with django_assert_num_queries(11) as queries:
        shown = page(client)
    assert not any("COUNT" in query["sql"] and '"videos_video"' in query["sql"] for query in queries)
    shown_to = re.findall('name="shown_to" value="([^"]+)"', shown)[0]
    with django_assert_num_queries(5):  # 1 incidents, 2 new videos, 3 number of keywords by state, 4 keys, 5 quota
        page(client, f"/?{urlencode({'shown_to': shown_to})}", HX_Request="true")


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
