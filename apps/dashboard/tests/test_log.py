"""/log/ and /keywords/<id>/log/: the fetch log."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.dashboard.tests.builders import NOON, keyword_with_videos, log_of
from apps.videos import pagination
from apps.videos.models import VideoLog

pytestmark = pytest.mark.django_db


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_it_works(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    log_of(entry, number_found=50, number_added=3, searches=1, duration=1.26, trigger=VideoLog.Trigger.MANUAL)
    log_of(keyword_with_videos("red kites"), message="Another story.")
    shown = page(client, f"/keywords/{entry.pk}/log/")

    for text in ("manual", "done", "YouTube", ">50<", ">3<", ">1<", "1.3 s", "50 found, 3 new."):
        assert text in shown
    assert "Another story." not in shown


def test_all_fetches_are_in_the_log_of_all(client: Client) -> None:
    log_of(keyword_with_videos("kestrels"))
    log_of(keyword_with_videos("red kites"))
    shown = page(client, "/log/")

    assert "kestrels" in shown
    assert "red kites" in shown


def test_a_fetch_outlives_its_keyword(client: Client) -> None:
    VideoLog.objects.create(keyword_text="forgotten", status=VideoLog.Status.INTERRUPTED)
    shown = page(client, "/log/")

    assert "forgotten" in shown
    assert "interrupted" in shown


@time_machine.travel(NOON, tick=False)
def test_a_fetch_that_waits_says_until_when(client: Client) -> None:
    waits = {"status": VideoLog.Status.WAITING, "waiting_until": NOON + timedelta(hours=9)}
    log_of(keyword_with_videos(), message="All searches are used.", **waits)

    assert "All searches are used. Resumes at <time" in page(client, "/log/")
    assert ">21:00 UTC</time>" in page(client, "/log/")
    assert ">(in 9 h)</time>" in page(client, "/log/")


def test_a_long_log_can_be_read_to_its_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNTED_UP_TO", 60)
    entry = keyword_with_videos()
    ids = [log_of(entry).pk for _ in range(120)]
    shown, link = "", "?page=1"
    while link:
        part = page(client, f"/log/{link}")
        shown += part
        following = re.search(r'href="([^"]+)" rel="next"', part)
        link = following[1] if following else ""

    assert [int(pk) for pk in re.findall(r'id="fetch-(\d+)"', shown)] == ids[::-1]


def test_nothing_fetched_yet(client: Client) -> None:
    assert "No fetches yet." in page(client, "/log/")


@pytest.mark.parametrize("number", [1, 120])
def test_queries_do_not_grow_with_what_is_shown(
    client: Client, django_assert_num_queries: Callable[..., Any], number: int
) -> None:
    entry = keyword_with_videos()
    for _ in range(number):
        log_of(entry)

    with django_assert_num_queries(3):  # 1 incidents, 2 count up to 10,000, 3 fetches
        assert page(client, "/log/").count('id="fetch-') == min(number, 100)
    with django_assert_num_queries(4):  # and the keyword
        page(client, f"/keywords/{entry.pk}/log/")


def test_it_is_filtered_by_status_keyword_and_trigger(client: Client) -> None:
    kestrels, kites = keyword_with_videos("kestrels"), keyword_with_videos("red kites")
    log_of(kestrels, message="One.")
    log_of(kestrels, message="Two.", status=VideoLog.Status.FAILED, error_code="source_unavailable")
    log_of(kites, message="Three.", trigger=VideoLog.Trigger.MANUAL)

    def shown(address: str) -> list[str]:
        return re.findall("(One|Two|Three)[.]", page(client, address))

    assert shown("/log/?status=failed") == ["Two"]
    assert shown("/log/?keyword=KESTRELS") == ["Two", "One"]
    assert shown("/log/?trigger=manual") == ["Three"]
    assert shown(f"/keywords/{kestrels.pk}/log/?status=done") == ["One"]
    assert shown(f"/keywords/{kestrels.pk}/log/?keyword=red+kites") == ["Two", "One"], "it has no such filter"
    assert shown("/log/?keyword=kestrels&trigger=manual") == []
    assert "No fetch matches these filters." in page(client, "/log/?keyword=kestrels&trigger=manual")
    assert client.get("/log/?status=&keyword=kestrels")["Location"] == "/log/?keyword=kestrels"
    assert "Must be one of: " in page(client, "/log/?status=odd")


def test_fetches_without_new_videos_are_folded(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    for added in (0, 0, 0, 5, 0, 0):
        log_of(entry, number_added=added)
    shown = page(client, "/log/")

    assert "3 fetches without new videos since" in shown
    assert shown.count('id="fetch-') == 3
    assert 'href="?each=1"' in shown
    assert page(client, "/log/?each=1").count('id="fetch-') == 6


def test_failed_fetches_are_not_folded(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    for _ in range(4):
        log_of(entry, number_added=0, status=VideoLog.Status.FAILED)
    assert page(client, "/log/").count('id="fetch-') == 4
