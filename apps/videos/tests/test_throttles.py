"""How many requests a client may send to the REST API."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client

from apps.conftest import MovableTime
from apps.videos.models import ApiToken
from apps.videos.throttles import AnonymousReads, Previews, Writes

pytestmark = pytest.mark.django_db

STRANGER = "203.0.113.5"


@pytest.fixture(autouse=True)
def few(frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch) -> None:
    for throttle, rate in ((AnonymousReads, "3/min"), (Writes, "2/min"), (Previews, "1/min")):
        monkeypatch.setattr(throttle, "rate", rate)
        monkeypatch.setattr(throttle, "timer", lambda _: time.time())  # the time that passes is frozen, too
    caches["throttles"].clear()


def read(client: Client, address: str = "/api/keywords/", **given: Any) -> HttpResponse:
    return client.get(address, **{"REMOTE_ADDR": STRANGER} | given)


def write(client: Client, address: str = "/api/keywords/", **given: Any) -> HttpResponse:
    body = {"keyword": "python"}
    return client.post(address, body, content_type="application/json", **{"REMOTE_ADDR": STRANGER} | given)


def preview(client: Client, **given: Any) -> HttpResponse:
    return write(client, "/api/keywords/preview/", **given)


@pytest.mark.parametrize(("send", "allowed"), [(read, 3), (write, 2), (preview, 1)])
def test_it_works(client: Client, frozen_time: MovableTime, send: Callable[..., HttpResponse], allowed: int) -> None:
    for _ in range(allowed):
        assert send(client).status_code < 300
        frozen_time.move(seconds=10)
    refused = send(client)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(60 - 10 * allowed))
    assert refused.headers["Content-Type"].startswith("application/")
    assert refused.json()["detail"] == f"Too many requests. Try again in {60 - 10 * allowed} seconds."

    frozen_time.move(seconds=int(refused.headers["Retry-After"]))
    assert send(client).status_code < 300
    assert send(client).status_code == 429, "only the first has been forgotten"


def test_a_clock_that_is_set_back_refuses_no_one(
    client: Client, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(AnonymousReads, "rate", "1/sec")
    assert read(client).status_code == 200
    assert read(client).status_code == 429
    frozen_time.move(days=-365)
    time.sleep(1)
    assert read(client).status_code == 200


def test_this_machine_has_no_limits(client: Client) -> None:
    for address in ("127.0.0.1", "::1"):
        for _ in range(4):
            assert read(client, REMOTE_ADDR=address).status_code == 200
            assert write(client, REMOTE_ADDR=address).status_code in (200, 201)


@pytest.mark.parametrize(
    ("other", "status"),
    [("203.0.113.6", 200), ("2001:db8::2:1", 429), ("2001:db8:0:1::1", 200)],
)
def test_others_may_still_read(client: Client, other: str, status: int) -> None:
    for address in (STRANGER, "2001:db8::1"):
        for _ in range(4):
            read(client, REMOTE_ADDR=address)
    assert read(client, REMOTE_ADDR=other).status_code == status


def test_reading_with_a_token_has_no_limit_and_its_account_one_for_changes(client: Client) -> None:
    _, token = ApiToken.objects.create(User.objects.create_user("ada"), name="script", access="write")
    headers = {"Authorization": f"Token {token}"}
    for _ in range(4):
        assert read(client, headers=headers).status_code == 200
    assert [write(client, headers=headers, REMOTE_ADDR=f"203.0.113.{n}").status_code for n in (1, 2, 3)] == [
        201,
        200,
        429,
    ]
    assert write(client).status_code == 200, "another client"


def test_health_checks_pages_and_options_have_no_limit(client: Client) -> None:
    for _ in range(4):
        assert client.options("/api/keywords/preview/", REMOTE_ADDR=STRANGER).status_code == 200
        assert read(client, "/ping/").status_code == read(client, "/").status_code == 200
