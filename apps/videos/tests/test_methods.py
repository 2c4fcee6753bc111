"""HEAD and OPTIONS work at all addresses of the REST API."""

import pytest
from django.test import Client
from django.utils import timezone

from apps.videos.models import HidingRule, KeyWordEntry
from apps.videos.tests.addresses import ADDRESSES
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db

API = [address for address in ADDRESSES if address.startswith(("/api", "/ping", "/docs", "/redoc"))]


@pytest.mark.parametrize("address", API)
@pytest.mark.parametrize("slash", ["", "/"])
def test_head_and_options_work(client: Client, address: str, slash: str) -> None:
    if slash and "export" in address:
        return  # the address of a file has no slash at its end
    entry = KeyWordEntry.objects.create(pk=1, keyword="python")
    store(entry, found_video("a-video"))
    entry.logs.create(pk=1, keyword_text="python", status="done")
    HidingRule.objects.create(pk=1, kind="channel", value="UC-x", created_at=timezone.now())
    address = (
        address
        % {
            "pk": "a-video" if "videos/" in address else 1,
            "keyword": "python",
            "code": "invalid",
            "type": "csv",
            "token": "x",
            "list": "videos",
            "ending": ".xml",
        }
        + slash
    )

    get, head, options = client.get(address), client.head(address), client.options(address)
    get.close()  # an export counts until then

    assert (head.status_code, head.getvalue()) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    if get.status_code in (200, 405):  # to others than POST
        assert (options.status_code, options.content) == (200, b"")
        assert ("GET" in options.headers["Allow"]) == (get.status_code == 200)
    else:
        assert (get.status_code, options.status_code) in [(302, 302), (404, 404)]
