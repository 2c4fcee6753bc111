"""Atom feeds of videos, with the filters of the lists; private addresses where reading needs an account."""

import io
import logging
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.videos.models import FeedToken, KeyWordEntry, VideoTotal
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.problems import errors, problem
from core.redaction import RedactingFormatter

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(autouse=True)
def falcon() -> KeyWordEntry:
    with time_machine.travel(NOON, tick=False):
        entry = KeyWordEntry.objects.create(keyword="falcon")
        videos = [found_video(f"v{n:02}", published_at=NOON - timedelta(hours=n), duration=n) for n in range(60)]
        store(entry, *videos[:30])
        store(entry, *videos[30:])
        store(KeyWordEntry.objects.create(keyword="AC/DC"), found_video("of-another"))
    return entry


@pytest.fixture
def address(falcon: KeyWordEntry) -> str:
    return f"/api/keywords/{falcon.pk}/feed/"


def read(client: Client, address: str) -> Any:
    """Return the feed as a feed reader sees it."""
    answer = client.get(address, headers={"Accept": "application/atom+xml"})
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    check_atom(answer.content)
    feed = feedparser.parse(answer.content)
    assert not feed.bozo, feed
    return feed


def check_atom(content: bytes) -> None:
    """Check what RFC 4287 demands of a feed and its entries (4.1.1, 4.1.2), and the W3C's validator in addition."""
    feed = ET.fromstring(content)  # our own
    assert feed.tag == f"{ATOM}feed"
    for element in (feed, *feed.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{name}")
            assert (found.text or "").strip(), name
        assert datetime.fromisoformat(str(element.findtext(f"{ATOM}updated"))).tzinfo
        links = [link.attrib for link in element.findall(f"{ATOM}link")]
        assert all(link["href"].startswith(("http://", "https://")) for link in links)
        assert [link["rel"] for link in links].count("alternate") == 1
        assert all(author.findtext(f"{ATOM}name") for author in element.findall(f"{ATOM}author"))
    assert [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") == 1
    assert feed.find(f"{ATOM}author") is not None, "for entries without one"
    ids = [element.text for element in feed.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))


def ids(feed: Any) -> list[str]:
    return [entry.id.removeprefix("yt:video:") for entry in feed.entries]


def test_it_works(client: Client, address: str, falcon: KeyWordEntry) -> None:
    feed = read(client, address)
    assert ids(feed) == [f"v{n:02}" for n in range(50)]
    assert feed.feed.title == "falcon"
    assert feed.feed.link == f"http://testserver/keywords/{falcon.pk}/"
    assert [link.href for link in feed.feed.links if link.rel == "self"] == [f"http://testserver{address}"]
    assert datetime.fromisoformat(feed.feed.updated) == VideoTotal.read().changed_at
    first = feed.entries[0]
    assert (first.title, first.link) == ("The title of v00", "https://www.youtube.com/watch?v=v00")
    assert first.summary == "<p>What it is about ...</p>"
    assert datetime.fromisoformat(first.published) == NOON
    assert (first.author, first.author_detail.href) == (
        "A channel",
        "https://www.youtube.com/channel/UC0000000000000000000000",
    )
    assert first.media_thumbnail == [{"url": "https://i.ytimg.com/vi/v00/hqdefault.jpg"}]
    assert first.tags[0].term == "falcon"


def test_all_videos_with_filters(client: Client) -> None:
    assert len(ids(read(client, "/api/videos/feed/?page_size=100"))) == 61
    assert ids(read(client, "/api/videos/feed/?keyword=ac/dc")) == ["of-another"]
    feed = read(client, "/api/videos/feed?min_duration=10&search=title&ordering=duration&page_size=2")
    assert ids(feed) == ["v10", "v11"]
    assert feed.feed.title == "Windhover (min_duration: 10, search: title, ordering: duration)"


@pytest.mark.parametrize("query", ["page=2", "cursor=", "format=json", "page_size=0", "live=x", "x=1"])
def test_other_parameters_are_refused(client: Client, address: str, query: str) -> None:
    assert list(errors(client.get(f"{address}?{query}"))) == [query.partition("=")[0]]


def test_a_feed_has_the_same_id_at_each_of_its_addresses(client: Client, address: str) -> None:
    def feed_id(address: str) -> str:
        return str(read(client, address).feed.id)

    assert feed_id(address) == feed_id(f"{address}?page_size=3")
    assert feed_id(f"{address}?live=none&method=youtube") == feed_id(f"{address}?method=youtube&live=none")
    assert len({feed_id(other) for other in (address, f"{address}?live=none", "/api/videos/feed/")}) == 3


def test_any_text(client: Client, falcon: KeyWordEntry, address: str) -> None:
    odd = "".join(map(chr, [*range(1, 0x30), 0x7F, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F985, 0x1FFFF])) + "]]><b>&amp;"
    store(
        falcon,
        found_video("odd", published_at=NOON + timedelta(1), title=odd, description=odd, channel_title=odd),
        found_video(
            "bare", published_at=NOON + timedelta(2), title="\x01", description="", channel_title="", thumbnail=""
        ),
    )
    bare, entry, *_ = read(client, address).entries
    assert (bare.title, "summary" in bare, "author" in bare, "media_thumbnail" in bare) == ("bare", False, False, False)
    assert entry.title.endswith("/\x7f\ufffd\U0001f985\U0001ffff]]><b>&amp;")
    assert "&lt;b&gt;" in entry.summary


def test_links_are_below_the_public_address(client: Client, address: str, settings: Any) -> None:
    settings.PUBLIC_URL = "https://example.org:8443/windhover"
    feed = read(client, f"{address}?search=%3Cb%3E")
    assert [link.href for link in feed.feed.links] == [
        f"https://example.org:8443/windhover/keywords/{address.split('/')[3]}/?search=%3Cb%3E",
        f"https://example.org:8443/windhover{address}?search=%3Cb%3E",
    ]


def test_who_has_it_gets_a_304_and_no_video_is_read(client: Client, falcon: KeyWordEntry, address: str) -> None:
    first = client.get(address)
    for headers in ({"If-None-Match": first["ETag"]}, {"If-Modified-Since": first["Last-Modified"]}):
        assert client.get(address, headers=headers).status_code == 304
    with CaptureQueriesContext(connection) as queries:
        client.get(address, headers={"If-None-Match": first["ETag"]})
    assert len(queries) == 1
    assert '"videos_video"' not in queries[0]["sql"]
    assert client.head(address)["ETag"] == first["ETag"]
    store(falcon, found_video("new"))
    assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_a_keyword_without_videos(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="nothing")
    assert read(client, f"/api/keywords/{entry.pk}/feed/").entries == []
    VideoTotal.objects.all().delete()
    assert read(client, f"/api/keywords/{entry.pk}/feed/").entries == []
    assert problem(client.get("/api/keywords/999/feed/"), 404)["detail"] == "No keyword has this id."


# --- Private addresses ----------------------------------------------------------------------------


@pytest.fixture
def user(settings: Any) -> User:
    settings.SIGN_IN = "all"
    return User.objects.create_user("reader")


def private(*options: str) -> str:
    """Return the address that the command shows."""
    output = io.StringIO()
    call_command("feed_address", "reader", *options, stdout=output)
    return output.getvalue().split()[0]


def test_where_reading_needs_an_account_a_private_address_needs_none(
    client: Client, user: User, settings: Any, falcon: KeyWordEntry, address: str
) -> None:
    assert client.get(address).status_code == 401
    shown = private()
    assert shown.startswith(f"http://{settings.HOST}:{settings.PORT}/api/private/")
    path = shown.removeprefix(f"http://{settings.HOST}:{settings.PORT}")
    assert len(read(client, path).entries) == 50
    of_keyword = path.replace("/videos/feed/", f"/keywords/{falcon.pk}/feed/")
    assert ids(read(client, f"{of_keyword}?search=v07")) == ["v07"]
    assert client.get(path)["Cache-Control"] == "no-cache, private"
    assert client.post(path).status_code == 404
    for other in ("/videos/", "/videos/export.csv", "/keywords/"):
        assert client.get(path.replace("/videos/feed/", other)).status_code == 401, "it opens feeds only"
    assert private() == shown, "it is shown again"


REVOCATIONS: dict[str, Callable[[User], Any]] = {
    "a new one": lambda user: private("--new"),
    "none": lambda user: private("--revoke"),
    "an account that is not active": lambda user: User.objects.update(is_active=False),
    "an account that was deleted": lambda user: user.delete(),
}


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_it_is_revoked(client: Client, user: User, revocation: str) -> None:
    path = f"/api/private/{FeedToken.renew(user).text}/videos/feed/"
    assert client.get(path).status_code == 200
    REVOCATIONS[revocation](user)
    assert client.get(path).status_code == 404


def test_other_tokens_are_not_found(client: Client, user: User) -> None:
    token = FeedToken.renew(user)
    for text in ("x", ":", f"{user.pk}-{token.nonce}", f"{token.text}x", f"x{token.text}", "é", "%00"):
        assert client.get(f"/api/private/{text}/videos/feed/").status_code in (400, 404), text


def test_the_token_is_not_stored_nor_logged(client: Client, user: User, caplog: Any) -> None:
    token = FeedToken.renew(user).text
    with CaptureQueriesContext(connection) as queries:
        client.get(f"/api/private/{token}/videos/feed/?live=x")
    assert not any(token in query["sql"] for query in queries)
    lines = [RedactingFormatter("%(message)s").format(record) for record in caplog.records]
    assert lines == ["Bad Request: /api/private/[hidden]/videos/feed/"]
    assert caplog.records[0].levelno == logging.WARNING
