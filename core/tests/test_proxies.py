"""Both clients use the proxies that the environment names, in the same way; the proxies here are real ones."""

import socket
import socketserver
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from core import invidious_api, youtube_api
from core.errors import SourceUnavailable
from core.proxies import is_loopback, proxy_for
from core.tests.conftest import FakeServer

# Only the proxy knows it.
ENDPOINT = "http://source.test"
PASSWORD = "a@b:c/d%20é"
QUOTED = "a%40b%3Ac%2Fd%2520%C3%A9"


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy that leads every host to one server, and requires PASSWORD."""

    daemon_threads = True

    def __init__(self, handler: type[socketserver.BaseRequestHandler], target: str) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.target = ("127.0.0.1", int(target.rpartition(":")[2]))
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"me:{QUOTED}@127.0.0.1:{self.server_address[1]}"


class HttpProxy(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        request = self.rfile.readline().decode()
        head = b"".join(iter(self.rfile.readline, b"\r\n")).decode("latin-1")
        self.server.asked.append(request.split()[1])
        credentials = {b64encode(f"me:{PASSWORD}".encode(code)).decode() for code in ("utf-8", "latin-1")}
        if not any(f"asic {each}" in head for each in credentials):  # "basic" or "Basic"
            self.wfile.write(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(self.server.target) as target:
            if request.startswith("CONNECT"):
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                target.sendall(f"{request}{head}\r\n".encode("latin-1"))
            pipe(self.request, target)


class SocksProxy(socketserver.StreamRequestHandler):
    """SOCKS 5 with a password (RFC 1928, RFC 1929)."""

    server: Proxy

    def handle(self) -> None:
        self.rfile.read(self.rfile.read(2)[1])
        self.wfile.write(b"\x05\x02")
        name = self.rfile.read(self.rfile.read(2)[1])
        password = self.rfile.read(self.rfile.read(1)[0])
        accepted = (name, password) == (b"me", PASSWORD.encode())
        self.wfile.write(b"\x01\x00" if accepted else b"\x01\x01")
        if not accepted:
            return
        assert self.rfile.read(4) == b"\x05\x01\x00\x03", "the proxy looks up the name"
        self.server.asked.append(self.rfile.read(self.rfile.read(1)[0]).decode())
        self.rfile.read(2)
        self.wfile.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        with socket.create_connection(self.server.target) as target:
            pipe(self.request, target)


def pipe(one: socket.socket, other: socket.socket) -> None:
    def copy(source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    threading.Thread(target=copy, args=(one, other), daemon=True).start()
    copy(other, one)


@pytest.fixture
def http_proxy(fake_server: FakeServer) -> Iterator[Proxy]:
    yield from serve(Proxy(HttpProxy, fake_server.url))


@pytest.fixture
def socks_proxy(fake_server: FakeServer) -> Iterator[Proxy]:
    yield from serve(Proxy(SocksProxy, fake_server.url))


def serve(proxy: Proxy) -> Iterator[Proxy]:
    with proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        yield proxy
        proxy.shutdown()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


@pytest.fixture(params=["YouTube", "Invidious"])
def search(request: Any, fake_server: FakeServer) -> Any:
    """Search a server through one of the clients."""

    def by_youtube(endpoint: str) -> None:
        fake_server.respond({"kind": "youtube#searchListResponse", "items": []})
        youtube_api.search_videos("key", "kestrels", endpoint=endpoint)

    def by_invidious(endpoint: str) -> None:
        fake_server.respond([])
        invidious_api.search_videos("kestrels", instance=endpoint)

    return by_youtube if request.param == "YouTube" else by_invidious


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_password_is_decoded(
    monkeypatch: pytest.MonkeyPatch, search: Any, http_proxy: Proxy, fake_server: FakeServer, name: str
) -> None:
    monkeypatch.setenv(name, f"http://{http_proxy.address}")
    search(ENDPOINT)
    assert fake_server.asked
    assert all("source.test" in address for address in http_proxy.asked)


def test_https_goes_through_a_proxy_too(monkeypatch: pytest.MonkeyPatch, search: Any, http_proxy: Proxy) -> None:
    monkeypatch.setenv("HTTPS_PROXY", http_proxy.address)
    with pytest.raises(SourceUnavailable):  # the server behind it speaks no TLS
        search("https://source.test")
    assert http_proxy.asked[0] == "source.test:443"


def test_socks_is_a_proxy_too(
    monkeypatch: pytest.MonkeyPatch, search: Any, socks_proxy: Proxy, fake_server: FakeServer
) -> None:
    monkeypatch.setenv("http_proxy", f"socks5h://{socks_proxy.address}")
    search(ENDPOINT)
    assert fake_server.asked
    assert set(socks_proxy.asked) == {"source.test"}


def test_this_machine_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch, search: Any, http_proxy: Proxy, fake_server: FakeServer
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{http_proxy.address}")
    monkeypatch.setenv("ALL_PROXY", f"http://{http_proxy.address}")
    search(fake_server.url)
    assert fake_server.asked
    assert not http_proxy.asked


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("http://a.test", {}, None),
        ("http://a.test", {"http_proxy": "p:1"}, "http://p:1"),
        ("http://a.test", {"http_proxy": "http://low:1", "HTTP_PROXY": "http://high:1"}, "http://low:1"),
        ("https://a.test", {"http_proxy": "http://p:1"}, None),
        ("https://a.test", {"https_proxy": "http://p:1", "no_proxy": "b.test"}, "http://p:1"),
        ("https://a.test", {"https_proxy": "http://p:1", "no_proxy": "b.test, a.test"}, None),
        ("https://www.a.test", {"https_proxy": "http://p:1", "NO_PROXY": ".a.test"}, None),
        ("https://www.a.test", {"https_proxy": "http://p:1", "NO_PROXY": "*"}, None),
        ("http://a.test:81", {"http_proxy": "http://p:1", "NO_PROXY": "a.test:80"}, "http://p:1"),
        ("http://localhost:8001", {"http_proxy": "http://p:1"}, None),
        ("http://127.0.0.9:8001", {"http_proxy": "http://p:1"}, None),
        ("http://[::1]:8001", {"http_proxy": "http://p:1"}, None),
    ],
)
def test_the_environment_decides(
    monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False),  # noqa: S104
     ("::", False), ("192.168.1.2", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_it_knows_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) == here
