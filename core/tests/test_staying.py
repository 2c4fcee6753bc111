"""Only the address that was asked is asked: no answer leads elsewhere, and no key goes there."""

import pytest

from core import invidious_api, youtube_api
from core.errors import KeyCoolingDown, SourceBlocked, SourceError
from core.tests.conftest import KEY, Oddity
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


@both
@pytest.mark.parametrize(("status", "headers"), AWAY)
def test_it_follows_nobody(oddity: Oddity, source: str, status: int, headers: dict[str, str]) -> None:
    with Oddity() as elsewhere:
        elsewhere.says(NOTHING[source])
        host = elsewhere.url.removeprefix("http://")
        led = {name: value.format(url=elsewhere.url, host=host) for name, value in headers.items()}
        oddity.says(NOTHING[source], status, **led)
        # Twice, for what a client may learn from the first answer.
        for _ in range(2):
            try:
                assert not ASK[source](oddity.url)
            except SourceError as error:
                assert type(error) is KeyCoolingDown if (source, status) == ("youtube", 401) else SourceBlocked  # noqa: PT017
        assert elsewhere.asked == [], "the key stays here"
    assert len(oddity.asked) == 2, "nor is anything asked twice"


def test_invidious_is_told_no_key(oddity: Oddity) -> None:
    oddity.says(NOTHING["youtube"])
    youtube_api.search_videos(KEY, "kestrel", endpoint=oddity.url)
    oddity.says([])
    invidious_api.search_videos("kestrel", instance=oddity.url)
    first, second = zip(oddity.asked, oddity.headers, strict=True)
    assert KEY in str(first)
    assert KEY not in str(second)
