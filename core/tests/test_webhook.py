"""A webhook is sent once, signed, to its own address only; errors do not repeat the address."""

import pytest

from core import webhook
from core.tests.conftest import FakeServer
from core.webhook import NotAccepted

TOKEN = "hunter2"


def post(url: str) -> None:
    webhook.post(f"{url}/?token={TOKEN}", b"{}", delivery="an id", secret="shared")


@pytest.mark.parametrize("status", [200, 201, 204])
def test_it_works(fake_server: FakeServer, status: int) -> None:
    fake_server.respond(b"" if status == 204 else b"thanks", status)
    post(fake_server.url)
    assert fake_server.asked == [{"token": TOKEN}]
    (headers,) = fake_server.headers
    assert headers["x-windhover-delivery"] == "an id"
    # printf '{}' | openssl dgst -sha256 -hmac shared
    assert headers["x-windhover-signature"] == (
        "sha256=4c053bf942c3ef31b83886f65ce5a58e1bc228427db9e9de6a2a4b9bddf9c69e"
    )


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 410, 429, 500, 503])
def test_other_statuses_are_refusals_and_redirects_are_not_followed(fake_server: FakeServer, status: int) -> None:
    with FakeServer() as elsewhere:
        fake_server.respond(b"", status, Location=elsewhere.url)
        with pytest.raises(NotAccepted, match=f"^HTTP {status}$"):
            post(fake_server.url)
        assert elsewhere.asked == []
    assert len(fake_server.asked) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid", "http://[", "ftp://127.0.0.1"])
def test_an_address_that_cannot_be_reached_is_not_repeated(url: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        post(url)
    assert str(refused.value) == "it could not be reached"
    assert refused.value.__cause__ is None
