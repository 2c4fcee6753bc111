"""/videos/<id>/: one video."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.dashboard.tests.builders import NOON, keyword_with_videos
from apps.videos.fetching import blanking
from apps.videos.models import KeyWordEntry, Video
from apps.videos.tests.builders import fetched_keyword, found_video, store
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db


def page(client: Client, pk: str) -> str:
    response = client.get(f"/videos/{pk}/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_it_works(client: Client, django_assert_num_queries: Callable[..., Any]) -> None:
    video = found_video(
        "hover",
        title="A kestrel <hovers>",
        published_at=NOON,
        description="First line\n" + "x" * 900,
        complete=True,
        tags=("<owl>", "falcons"),
    )
    for word in ("kestrels", "falcons"):
        store(KeyWordEntry.objects.watch(word)[0], video)
    Video.objects.update(created_at=NOON + timedelta(minutes=12), duration=61)
    with django_assert_num_queries(3):  # 1 incidents, 2 the video, 3 its keywords
        shown = page(client, "hover")

    assert "A kestrel &lt;hovers&gt;" in shown
    assert "x" * 900 in shown
    assert "12 min after publication" in shown
    assert "1:01" in shown
    assert ">&lt;owl&gt;</li>" in shown
    assert "in a tag" in shown
    assert 'href="https://www.youtube.com/watch?v=hover"' in shown
    assert shown.index(">kestrels</a>") < shown.index(">falcons</a>")


def test_a_card_leads_to_it(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    Video.objects.update(created_at=NOON + timedelta(hours=2))
    for address in ("/", f"/keywords/{entry.pk}/"):
        shown = client.get(address).content.decode()
        assert f'<a href="/videos/{entry.pk}-0000/">Found 2 h after publication</a>' in shown


def test_it_says_where_the_keyword_stands(client: Client) -> None:
    kestrels, _ = KeyWordEntry.objects.watch("kestrels")
    store(kestrels, found_video("here", title="Two kestrels"), found_video("not", title="A falcon", description="Hi."))
    shown = " ".join(client.get("/").content.decode().split())
    assert 'kestrels <span class="soft">in title</span></a>' in shown
    assert 'kestrels <span class="soft">not in its text</span></a>' in shown
    assert "in title" in page(client, "here")
    assert videos_on(client.get("/?matched_in=nowhere").text) == ["not"]


def test_an_estimated_date_gives_no_delay(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    Video.objects.update(published_exact=False)
    assert "after publication" not in page(client, f"{entry.pk}-0000")
    assert "estimated" in page(client, f"{entry.pk}-0000")


def test_little_is_known(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    Video.objects.update(title="", channel_title="", channel_id="", thumbnail="", description="", view_count=None)
    shown = page(client, f"{entry.pk}-0000")
    assert "not known" in shown
    assert "<img" not in shown.partition("<main")[2]


def test_there_is_no_such_video(client: Client) -> None:
    assert client.get("/videos/none/").status_code == 404


def test_a_channel_leads_to_its_videos(client: Client) -> None:
    entry = keyword_with_videos("kestrels")
    Video.objects.update(channel_id="", channel_title="Birds & Co")
    assert 'href="/?channel=Birds+%26+Co"' in page(client, f"{entry.pk}-0000")
    assert 'href="?channel=Birds+%26+Co"' in client.get("/").content.decode()


def test_one_that_is_gone_says_so(client: Client) -> None:
    entry = fetched_keyword("python")
    Video.objects.update(missing_since=timezone.now())
    blanking.blank(Video.objects.all())
    for address in ("/", f"/keywords/{entry.pk}/"):
        assert "No longer on YouTube" in client.get(address).content.decode()
    assert "as the video is gone" in page(client, "a-video")
    assert "The title" not in page(client, "a-video")
