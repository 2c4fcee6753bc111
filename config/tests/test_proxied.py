"""What proxies say about a request, and from whom it is believed."""

import logging
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import environment as env
from config.proxied import Proxied

GATEWAY = "172.18.0.1"


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("THING", "172.16.0.0/12, 2001:db8::7, 127.0.0.1")
    return env.networks("THING", "")


def seen(trusted: Any, public_url: str = "", **environ: str) -> dict[str, Any]:
    """Return the WSGI environment that the application gets."""
    found: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.update(environ)
        return []

    direct = {"REMOTE_ADDR": GATEWAY, "wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1:8000", "PATH_INFO": "/log/"}
    Proxied(application, trusted, public_url)({**direct, "SCRIPT_NAME": "", **environ}, lambda *_: None)
    return found


def address(environ: dict[str, Any]) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}{environ['SCRIPT_NAME']}{environ['PATH_INFO']}"


def test_headers_of_a_trusted_proxy_are_used(trusted: Any) -> None:
    environ = seen(trusted, HTTP_HOST="example.org", HTTP_X_FORWARDED_FOR="203.0.113.5", HTTP_X_FORWARDED_PROTO="https")
    assert environ["REMOTE_ADDR"] == "203.0.113.5"
    assert address(environ) == "https://example.org/log/"


def test_an_ipv4_client_of_an_ipv6_socket_is_known(trusted: Any) -> None:
    assert seen(trusted, REMOTE_ADDR="::ffff:203.0.113.5")["REMOTE_ADDR"] == "203.0.113.5"


def test_headers_of_others_are_ignored(trusted: Any, caplog: pytest.LogCaptureFixture) -> None:
    headers = {
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_HOST": "example.org",
        "HTTP_FORWARDED": "for=127.0.0.1",
    }
    with caplog.at_level(logging.WARNING):
        environ = seen(trusted, "https://example.org", REMOTE_ADDR="203.0.113.5", **headers)
    assert environ["REMOTE_ADDR"] == "203.0.113.5"
    assert address(environ) == "http://127.0.0.1:8000/log/"
    assert not headers.keys() & environ.keys()
    assert "203.0.113.5 are ignored; if it is your proxy, set TRUSTED_PROXIES" in caplog.text


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        # Only the last address comes from our proxy; what is left of it may be invented.
        ("127.0.0.1, 203.0.113.5", "203.0.113.5"),
        ("198.51.100.1, 203.0.113.5, 172.18.0.9", "203.0.113.5"),
        ("203.0.113.5:4711", "203.0.113.5"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("203.0.113.5, ::ffff:172.18.0.9", "203.0.113.5"),
        ("203.0.113.5, 2001:db8::7", "203.0.113.5"),
        ("fe80::1%eth0 for 'me'", "fe80::1"),
        ("203.0.113.5, unknown", GATEWAY),
        ("", GATEWAY),
        (",,", GATEWAY),
    ],
)
def test_the_client_is_the_nearest_untrusted_address(trusted: Any, forwarded_for: str, client: str) -> None:
    assert seen(trusted, HTTP_X_FORWARDED_FOR=forwarded_for)["REMOTE_ADDR"] == client


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "example.org:8443"},
        {"HTTP_HOST": "example.org"},
        {"HTTP_HOST": "EXAMPLE.org", "HTTP_X_FORWARDED_PROTO": "http"},
        {"HTTP_X_FORWARDED_HOST": "example.org"},
    ],
)
def test_the_public_address_completes_what_the_proxy_says(trusted: Any, headers: dict[str, str]) -> None:
    environ = seen(trusted, "https://example.org:8443", HTTP_X_FORWARDED_FOR="203.0.113.5", **headers)
    assert address(environ) == "https://example.org:8443/log/"


def test_another_host_stays_what_it_is(trusted: Any) -> None:
    environ = seen(trusted, "https://example.org", HTTP_HOST="evil.test", HTTP_X_FORWARDED_FOR="203.0.113.5")
    assert address(environ) == "http://evil.test/log/"


@pytest.mark.parametrize(
    ("path", "forwarded", "expected"),
    [
        ("/windhover/log/", True, "/windhover /log/"),
        ("/windhover/log/", False, "/windhover /log/"),
        ("/windhover", True, "/windhover "),
        ("/log/", True, "/windhover /log/"),
        ("/windhovers/", True, "/windhover /windhovers/"),
        ("/log/", False, " /log/"),  # health checks
    ],
)
def test_a_sub_path(trusted: Any, path: str, forwarded: bool, expected: str) -> None:
    headers = {"HTTP_X_FORWARDED_FOR": "203.0.113.5"} if forwarded else {}
    environ = seen(trusted, "https://example.org/windhover", PATH_INFO=path, **headers)
    assert f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}" == expected


header = st.text(st.characters(max_codepoint=255), max_size=40) | st.text("[]:.,0123456789abcdef%@/ ", max_size=20)


@given(header, header, header, header)
def test_no_header_breaks_it(said: str, host: str, forwarded_host: str, proto: str) -> None:
    networks = [ip_network("127.0.0.0/8")]
    headers = {"HTTP_X_FORWARDED_FOR": said, "HTTP_X_FORWARDED_HOST": forwarded_host, "HTTP_X_FORWARDED_PROTO": proto}
    environ = seen(
        networks, "https://example.org/a", REMOTE_ADDR="127.0.0.1", HTTP_HOST=host, PATH_INFO=said, **headers
    )
    assert environ["wsgi.url_scheme"] in ("http", "https")
    assert ip_address(environ["REMOTE_ADDR"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("https://Example.org/", "https://example.org"),
        ("example.org:443", "https://example.org"),
        ("http://example.org:80/a/b/", "http://example.org/a/b"),
        ("https://bücher.example:8443", "https://xn--bcher-kva.example:8443"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_public_address_is_written_as_browsers_do(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    monkeypatch.setenv("THING", value)
    assert env.public_address("THING") == expected
