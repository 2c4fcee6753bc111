"""Error pages look like the others, and that of a server error needs no database."""

from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from apps.dashboard.views import log
from core.log_lines import RefusedFilter


@pytest.mark.django_db
def test_it_works(client: Client) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_a_wrong_host(client: Client, settings: Any) -> None:
    response = client.get("/", headers={"host": "elsewhere.example"})
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in response.content.decode()


@pytest.mark.parametrize(("page", "host"), [("/", "elsewhere.example"), ("/%00", "localhost")])
def test_a_refused_request_is_logged_without_a_traceback(
    client: Client, caplog: pytest.LogCaptureFixture, page: str, host: str
) -> None:
    with caplog.filtering(RefusedFilter()):
        assert client.get(page, headers={"host": host}).status_code == 400
    assert caplog.messages
    assert "Traceback" not in caplog.text


def test_an_error_of_ours_needs_no_database(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.raise_request_exception = False
    failing = patch.object(log, "page_of", autospec=True, side_effect=RuntimeError)
    with failing, caplog.filtering(RefusedFilter()):
        response = client.get("/log/")
    assert response.status_code == 500
    assert "Server error" in response.content.decode()
    assert "Traceback" in caplog.text
