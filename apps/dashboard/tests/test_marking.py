"""Marking videos as seen, starred or hidden on the pages, with and without JavaScript."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.dashboard.tests.builders import keyword_with_videos
from apps.videos.models import KeyWordEntry, Video
from apps.videos.tests.reading import videos_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def entry() -> KeyWordEntry:
    return keyword_with_videos("kestrels", 3)


def marks(pk: str) -> set[str]:
    video = Video.objects.get(pk=pk)
    return {name for name in ("seen", "starred", "hidden") if getattr(video, f"is_{name}")}


def shown(client: Client, address: str) -> list[str]:
    return sorted(videos_on(client.get(address).text))


def test_it_works(client: Client, entry: KeyWordEntry) -> None:
    pk, page = f"{entry.pk}-0001", f"/keywords/{entry.pk}/?ordering=published_at"
    for name, says in (("seen", "Marked as seen."), ("starred", "Starred."), ("hidden", "Hidden from lists.")):
        response = client.post(f"/videos/{pk}/marks/", {name: "true", "next": page}, follow=True)
        assert response.redirect_chain == [(page, 302)]
        assert says in response.content.decode()
        assert name in marks(pk)
    for name in ("seen", "starred", "hidden"):
        client.post(f"/videos/{pk}/marks/", {name: "false"})
        assert name not in marks(pk)


@pytest.mark.parametrize("page", ["/", "/keywords/{pk}/"])
def test_hidden_videos_are_left_out_unless_asked_for(client: Client, entry: KeyWordEntry, page: str) -> None:
    page = page.format(pk=entry.pk)
    ids = [f"{entry.pk}-000{number}" for number in range(3)]
    client.post(f"/videos/{ids[1]}/marks/", {"hidden": "true"})
    assert shown(client, page) == [ids[0], ids[2]]
    assert "2 videos" in client.get(page).content.decode()
    assert shown(client, f"{page}?hidden=true") == [ids[1]]
    assert shown(client, f"{page}?hidden=any") == ids
    assert "Show again" in client.get(f"{page}?hidden=true").content.decode()
    assert client.get(f"/videos/{ids[1]}/").status_code == 200


def test_videos_are_filtered_by_marks(client: Client, entry: KeyWordEntry) -> None:
    ids = [f"{entry.pk}-000{number}" for number in range(3)]
    client.post(f"/videos/{ids[0]}/marks/", {"seen": "true"})
    client.post(f"/videos/{ids[1]}/marks/", {"starred": "true"})
    assert shown(client, "/?seen=false") == ids[1:]
    assert shown(client, "/?starred=true") == [ids[1]]
    assert shown(client, "/?seen=true&starred=true") == []


def test_a_hidden_video_is_shown_again_without_javascript(client: Client, entry: KeyWordEntry) -> None:
    address = f"/videos/{entry.pk}-0001/marks/"
    shown_after = client.post(address, {"hidden": "true", "next": "/"}, follow=True).content.decode()
    assert f'<form class="undo" method="post" action="{address}">' in shown_after
    client.post(address, {"hidden": "false"})
    assert not marks(f"{entry.pk}-0001")


def test_with_javascript_only_the_card_changes(client: Client, entry: KeyWordEntry) -> None:
    pk = f"{entry.pk}-0001"

    def press(name: str, value: str) -> str:
        response = client.post(
            f"/videos/{pk}/marks/", {name: value, "next": "/?page=2"}, headers={"HX-Request": "true"}
        )
        return response.content.decode()

    assert 'class="card seen"' in press("seen", "true")
    assert '<a class="picture"' in press("starred", "true")
    hidden = press("hidden", "true")
    assert 'class="card gone"' in hidden
    assert 'name="hidden" value="false">Undo' in hidden
    assert 'form="mark"' in hidden  # that of the page, which names the page as well
    assert 'class="card seen"' in press("hidden", "false")


def test_a_page_is_marked_as_seen_and_undone(client: Client, entry: KeyWordEntry) -> None:
    client.post(f"/videos/{entry.pk}-0000/marks/", {"seen": "true"})
    ids = re.findall('name="video_ids" value="([^"]+)"', client.get("/").content.decode())[0]
    page = client.post("/videos/marks/", {"video_ids": ids, "seen": "true", "next": "/"}, follow=True).content.decode()
    assert "2 videos marked as seen." in page
    assert not Video.objects.filter(seen_at=None).exists()

    undone = re.findall('class="undo".*?name="video_ids" value="([^"]+)"', page, re.DOTALL)[0]
    client.post("/videos/marks/", {"video_ids": undone, "seen": "false"})
    assert [video.pk for video in Video.objects.exclude(seen_at=None)] == [f"{entry.pk}-0000"]


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_it_leads_to_no_other_site(client: Client, entry: KeyWordEntry, elsewhere: str) -> None:
    response = client.post(f"/videos/{entry.pk}-0000/marks/", {"seen": "true", "next": elsewhere})
    assert response["Location"] == "/"


def test_readers_cannot_mark(client: Client, entry: KeyWordEntry, settings: Any) -> None:
    settings.SIGN_IN = "write"
    assert 'class="marks"' not in client.get("/").content.decode()
    for address in (f"/videos/{entry.pk}-0000/marks/", "/videos/marks/"):
        response = client.post(address, {"seen": "true", "video_ids": f"{entry.pk}-0000"})
        assert response["Location"].startswith("/sign-in/")
    assert not marks(f"{entry.pk}-0000")


def test_there_is_no_such_video(client: Client) -> None:
    assert client.post("/videos/none/marks/", {"seen": "true"}).status_code == 404
