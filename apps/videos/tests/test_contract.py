"""The addresses that clients of such a system know: /api/, /docs/, /redoc/ and /ping/."""

from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from apps.videos.tests.problems import problem

pytestmark = pytest.mark.django_db


def test_api_lists_the_endpoints_of_the_schema(client: Client) -> None:
    listed = client.get("/api/").json()

    paths = client.get("/api/schema/?format=json").json()["paths"]
    pages = {"/api/schema/", "/api/docs/", "/api/redoc/"}
    assert {address.removeprefix("http://testserver") for address in listed.values()} == {*paths, *pages} - {"/api/"}
    assert client.get("/api").json() == listed


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_the_pages_of_the_api(client: Client, page: str) -> None:
    shown = client.get(f"/{page}/", follow=True)

    assert shown.redirect_chain == [(f"/api/{page}", 302)]
    html = shown.content.decode()
    assert "/static/drf_spectacular_sidecar/" in html
    assert "https://" not in html
    assert client.get(f"/{page}", follow=True).status_code == 200


def test_ping_answers_pong(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "all"
    assert client.get("/ping/").json() == {"status": "success", "message": "pong", "database": "ok"}
    assert client.head("/ping").status_code == 200


def test_ping_without_a_database(client: Client) -> None:
    with patch.object(connection, "cursor", autospec=True, side_effect=DatabaseError):
        answer = client.get("/ping/")
    assert problem(answer, 503)["type"] == "/api/problems/unavailable"
    assert answer.headers["Retry-After"] == "10"
