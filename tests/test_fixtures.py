"""The fixtures shared by all tests work."""

import socket
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from pytest_socket import SocketConnectBlockedError


def test_other_machines_are_not_reached() -> None:
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80))


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_the_browser_shows_a_page(browser: Any) -> None:
    page = browser.new_page()
    page.set_content("<h1>Falco tinnunculus</h1>")

    assert page.inner_text("h1") == "Falco tinnunculus"
    page.close()


def test_postgres_answers(postgres: str) -> None:
    address = urlsplit(postgres)
    with psycopg.connect(host=unquote(address.netloc.partition("@")[2]), user="windhover", dbname="postgres") as one:
        row = one.execute("SELECT current_user").fetchone()

    assert row == ("windhover",)
