"""Error pages look like the others, and that of a server error needs no database."""

from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from apps.dashboard import views


@pytest.mark.django_db
def test_it_works(client: Client) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_a_wrong_host(client: Client, settings: Any) -> None:
    response = client.get("/", headers={"host": "elsewhere.example"})
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in response.content.decode()


def test_an_error_of_ours_needs_no_database(client: Client) -> None:
    client.raise_request_exception = False
    with patch.object(views, "page_of", autospec=True, side_effect=RuntimeError):
        response = client.get("/log/")
    assert response.status_code == 500
    assert "Server error" in response.content.decode()
