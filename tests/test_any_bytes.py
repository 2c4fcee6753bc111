"""Whatever bytes reach the web server end in a response below 500; what it refuses itself is a problem."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web import running_web

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

HOST = b"Host: localhost\r\nConnection: close\r\n"
CHUNKED = b"POST /api/keywords/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running_web(tmp_path_factory.mktemp("web"), SIGN_IN="write") as (_, port):
        send(port, b"GET /api/docs/ HTTP/1.1\r\n" + HOST + b"\r\n")  # the first request imports the views
        yield port


def send(port: int, request: bytes) -> bytes:
    """Send a request and nothing after it; return the whole response."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as client:
        with suppress(OSError):  # it need not read all of what it refuses
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(2**16), b""))


def status(response: bytes) -> int:
    assert response.startswith(b"HTTP/1."), response
    return int(response.split(b" ", 2)[1])


REFUSED = {
    "no request": b"\x16\x03\x01\x02\x00\r\n\r\n",
    "a small method": b"get /api/videos/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "an address without its bracket": b"GET http://[/api/videos/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "no length": b"POST /api/keywords/ HTTP/1.1\r\nContent-Length: x\r\n" + HOST + b"\r\n",
    "a negative length": b"POST /api/keywords/ HTTP/1.1\r\nContent-Length: -1\r\n" + HOST + b"\r\n",
    "a length too long to read": b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n" + HOST + b"\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + HOST + b"\r\n",
    "an unknown coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + HOST + b"\r\n",
    "no chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\nx\r\n\r\n",
    "a chunk's head without an end": CHUNKED + b"1;".ljust(5_000, b"a"),
    "trailers without an end": CHUNKED + b"0\r\n" + b"X: x\r\n" * 800,
    "a header with NUL": b"GET / HTTP/1.1\r\nX-A: a\0b\r\n" + HOST + b"\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n: x\r\n" + HOST + b"\r\n",
    "too large a head": b"GET /api/videos/?keyword=".ljust(2**16, b"x"),
    "too large a body": b"POST /api/keywords/ HTTP/1.1\r\nContent-Length: 9999999\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_server_refuses_is_a_problem(port: int, name: str) -> None:
    response = send(port, REFUSED[name])
    assert 400 <= status(response) < 500, response
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    shown = json.loads(body)
    assert shown.keys() == {"type", "title", "status", "detail"}
    assert (shown["status"], shown["type"]) == (status(response), "about:blank")
    assert shown["detail"].endswith(".")


@pytest.mark.parametrize(
    "header",
    [b"Host: evil.example", b"Host: [::1", b"Host: \xff", b"Content-Type: a/b; x*=nonsense''%41",
     b"Content-Type: application/json; charset=hex", b"Cookie: sessionid=\"aaaaaaaa\\000\"", b"Cookie: \xff=\xfe",
     b"Authorization: Token \xff", b"Origin: http://[", b"Referer: http://[", b"SCRIPT_NAME: /x", b"Script-Name: /x",
     b"Path-Info: /x", b"X-Forwarded-Host: [", b"X-Forwarded-For: x", b"X-Forwarded-Proto: x", b"Forwarded: for=[",
     b"X-Forwarded-Port: x", b"X-Forwarded-By: \xff", b"Range: bytes=9-1", b"If-Modified-Since: x", b"Expect: x",
     b"Accept: \xff", b"Accept-Encoding: ;q=x", b"HX-Current-URL: %ff\r\nHX-Current-URL-URI-AutoEncoded: true",
     b"Upgrade: h2c\r\nConnection: Upgrade", b"X-A: " + b"a" * 60_000],
)  # fmt: skip
@pytest.mark.parametrize("address", [b"/", b"/ping/", b"/api/keywords/", b"/static/dashboard/mark.svg", b"/nowhere"])
def test_an_odd_header(port: int, address: bytes, header: bytes) -> None:
    host = HOST if not header.startswith(b"Host") else b"Connection: close\r\n"
    response = send(port, b"GET " + address + b" HTTP/1.1\r\n" + host + header + b"\r\n\r\n")
    assert status(response) < 500, response
    if address.startswith(b"/api/") and status(response) >= 400 and not header.startswith(b"X-Forwarded"):
        head, _, body = response.partition(b"\r\n\r\n")
        assert b"Content-Type: application/problem+json" in head
        assert json.loads(body)["status"] == status(response)


@pytest.mark.parametrize("word", ["鳥" * 500, "🐦" * 500])
def test_the_longest_keyword_has_an_address(port: int, word: str) -> None:
    for address in (f"/api/keyword/{quote(word)}/videos/", f"/api/videos/?keyword={quote(word)}"):
        response = send(port, f"GET {address} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
        assert status(response) == 404
        assert b"Not being watched" in response


line = st.binary(max_size=30).filter(lambda text: b"\n" not in text)
name = st.sampled_from([b"Accept", b"Cookie", b"Content-Type", b"Content-Length", b"Transfer-Encoding", b"Host", b"X"])
head = st.lists(st.builds(b"%b: %b".__mod__, st.tuples(name, line)) | line, max_size=3)
address = st.sampled_from([b"/", b"/api/keywords/", b"/sign-in/", b"//", b"*", b"http://x/", b"/static/"])


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(method=st.sampled_from([b"GET", b"POST", b"OPTIONS", b"CONNECT", b"X"]) | line, address=address, more=line,
       head=head, body=st.binary(max_size=40))  # fmt: skip
def test_any_bytes(port: int, method: bytes, address: bytes, more: bytes, head: list[bytes], body: bytes) -> None:
    request = method + b" " + address + more + b" HTTP/1.1\r\n" + HOST + b"".join(part + b"\r\n" for part in head)
    response = send(port, request + b"\r\n" + body)
    # Half a request gets no response: the client has closed the connection.
    assert not response or status(response) < 500, (request, response)
