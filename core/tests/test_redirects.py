"""Requests go only to the configured address: redirects are not followed, and no key is sent elsewhere."""

import pytest

from core import invidious_api, youtube_api
from core.errors import KeyCoolingDown, SourceBlocked, SourceError, SourceUnavailable
from core.tests.conftest import KEY, FakeServer
from core.tests.test_bounded import ASK, NOTHING, both

AWAY = [
    *((status, {"Location": "{url}/elsewhere"}) for status in (300, 301, 302, 303, 304, 305, 307, 308)),
    (302, {"Location": "//{host}/elsewhere"}),
    (302, {"Location": "{url}/elsewhere", "Connection": "close"}),
    (302, {"URI": "{url}"}),
    (305, {"Location": "{url}", "Proxy_Authenticate": "Basic realm=proxy"}),
    (407, {"Proxy_Authenticate": "Basic realm=proxy", "Location": "{url}/elsewhere"}),
    (401, {"WWW_Authenticate": "Basic realm=here", "Location": "{url}/elsewhere"}),
    (201, {"Location": "{url}/elsewhere"}),
    (200, {"Location": "{url}/elsewhere", "Refresh": "0; url={url}", "Content_Location": "{url}"}),
    (200, {"Alt_Svc": 'h2="{host}"', "Link": "<{url}>; rel=canonical"}),
]
# All others are SourceBlocked, or a valid response.
EXPECTED = {("youtube", 401): KeyCoolingDown, ("invidious", 201): SourceUnavailable}


@both
@pytest.mark.parametrize(("status", "headers"), AWAY)
def test_it_follows_no_redirect(fake_server: FakeServer, source: str, status: int, headers: dict[str, str]) -> None:
    with FakeServer() as elsewhere:
        elsewhere.respond(NOTHING[source])
        host = elsewhere.url.removeprefix("http://")
        sent = {name: value.format(url=elsewhere.url, host=host) for name, value in headers.items()}
        fake_server.respond(NOTHING[source], status, **sent)
        # Twice, since a client may remember the first response.
        for _ in range(2):
            try:
                assert not ASK[source](fake_server.url)
            except SourceError as error:
                assert type(error) is EXPECTED.get((source, status), SourceBlocked)  # noqa: PT017
        assert elsewhere.asked == [], "no other server is asked"
    assert len(fake_server.asked) == 2, "no request is repeated"


def test_invidious_gets_no_key(fake_server: FakeServer) -> None:
    fake_server.respond(NOTHING["youtube"])
    youtube_api.search_videos(KEY, "kestrel", endpoint=fake_server.url)
    fake_server.respond([])
    invidious_api.search_videos("kestrel", instance=fake_server.url)
    first, second = zip(fake_server.asked, fake_server.headers, strict=True)
    assert KEY in str(first)
    assert KEY not in str(second)
