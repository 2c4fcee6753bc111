"""Responses are capped in size and time, however they are sent."""

import gzip
import itertools
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httplib2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core import bounded, invidious_api, youtube_api
from core.errors import SourceError, SourceUnavailable
from core.tests.conftest import KEY, FakeServer, RawServer

Ask = Callable[[str], Any]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# Valid responses without results.
NOTHING = {"youtube": b'{"kind":"youtube#searchListResponse","items":[]}', "invidious": b"[]"}


def ask_youtube(url: str) -> Any:
    return youtube_api.search_videos(KEY, "kestrel", endpoint=url).videos


def ask_invidious(url: str) -> Any:
    return invidious_api.search_videos("kestrel", instance=url, pages=1)


ASK: dict[str, Ask] = {"youtube": ask_youtube, "invidious": ask_invidious}
both = pytest.mark.parametrize("source", ASK)


def unavailable(ask: Ask, url: str) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        ask(url)
    assert KEY not in repr(caught.value)
    return str(caught.value)


def endless(piece: bytes, start: bytes = b"") -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.chain([start], itertools.repeat(piece))


@both
def test_it_works(fake_server: FakeServer, source: str) -> None:
    blanks = bounded.MAX_BYTES - 1000
    fake_server.respond(b" " * blanks + NOTHING[source])
    assert not ASK[source](fake_server.url), "large, but within the limit"


MB = b" " * 2**20


@both
@pytest.mark.parametrize(
    "pieces",
    [
        endless(MB, HEAD + b"\r\n"),
        endless(MB, HEAD + b"Content-Length: 1000000000\r\n\r\n"),
        endless(MB, HEAD + b"Content-Length: 1000000000000000000\r\n\r\n"),
        endless(MB, HEAD + b"Content-Length: 9" + b"9" * 40 + b"\r\n\r\n"),
        endless(b"100000\r\n" + MB + b"\r\n", CHUNKED),
        endless(MB, CHUNKED + b"3b9aca00\r\n"),
        endless(MB, CHUNKED + b"f" * 40 + b"\r\n"),
        endless(b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 60_000 + b"\r\n\r\n"),
        # Error responses are capped as well.
        endless(MB, b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        endless(MB, b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"),
    ],
)
def test_it_handles_a_response_too_large(
    raw_server: RawServer, fake_server: FakeServer, source: str, pieces: Callable[[], Iterable[bytes]]
) -> None:
    raw_server.send(pieces)
    assert unavailable(ASK[source], raw_server.url).endswith("response is larger than 8 MB.")
    assert raw_server.disconnected.wait(5), "the connection is dropped"
    fake_server.respond(NOTHING[source])
    assert not ASK[source](fake_server.url), "the next call works"


def drip(data: bytes, start: bytes = b"") -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield start
        for byte in itertools.cycle(data):
            time.sleep(0.02)
            yield bytes([byte])

    return pieces


@both
@pytest.mark.parametrize(
    "pieces",
    [
        lambda: (),
        drip(b"HTTP"),
        drip(b"X: y\r\n", HEAD),
        drip(b" ", HEAD + b"\r\n"),
        drip(b" ", HEAD + b"Connection: close\r\n\r\n"),
        drip(b" ", HEAD + b"Content-Length: 100000\r\n\r\n"),
        drip(b"1\r\n \r\n", CHUNKED),
        drip(b" ", CHUNKED + b"fffff\r\n"),
        drip(b"0", CHUNKED),
        drip(b" ", b"HTTP/1.1 403 Forbidden\r\n\r\n"),
    ],
)
def test_it_handles_a_response_too_slow(
    raw_server: RawServer, monkeypatch: pytest.MonkeyPatch, source: str, pieces: Callable[[], Iterable[bytes]]
) -> None:
    monkeypatch.setattr(bounded, "MAX_SECONDS", 0.08)
    raw_server.send(pieces)
    began = time.monotonic()
    assert unavailable(ASK[source], raw_server.url).endswith("response took longer than 0.08 seconds.")
    assert time.monotonic() - began < 2
    assert raw_server.disconnected.wait(5), "the connection is dropped"


@both
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP", "br", "identity, gzip"])
def test_it_handles_a_compressed_response(fake_server: FakeServer, source: str, encoding: str) -> None:
    # A few KB that would expand to many MB.
    fake_server.respond(gzip.compress(b" " * 3_000_000 + NOTHING[source]), Content_Encoding=encoding)
    assert unavailable(ASK[source], fake_server.url).endswith(
        "response was compressed, although an uncompressed one was requested."
    )
    assert [asked["accept-encoding"] for asked in fake_server.headers] == ["identity"]
    fake_server.respond(NOTHING[source], Content_Encoding="identity")
    assert not ASK[source](fake_server.url)


def test_it_handles_a_proxy(raw_server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", raw_server.url)
    raw_server.send(endless(MB, HEAD + b"\r\n"))
    assert "larger than 8 MB" in unavailable(ask_invidious, "http://invidious.invalid")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem = serialization.Encoding.PEM
    as_is = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, *as_is))
    return file


@pytest.fixture
def tls_server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    monkeypatch.setattr(httplib2, "CA_CERTS", str(certificate))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with RawServer(context) as server:
        yield server


@both
def test_it_handles_tls(tls_server: RawServer, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    length = b"Content-Length: %d\r\n\r\n" % len(NOTHING[source])
    tls_server.send(lambda: [HEAD + length + NOTHING[source]])
    assert not ASK[source](tls_server.url)
    tls_server.send(endless(MB, HEAD + b"\r\n"))
    assert "larger than 8 MB" in unavailable(ASK[source], tls_server.url)
    assert tls_server.disconnected.wait(5), "the connection is dropped"
    monkeypatch.setattr(bounded, "MAX_SECONDS", 0.08)
    tls_server.send(drip(b" ", HEAD + b"\r\n"))
    assert "took longer than 0.08 seconds" in unavailable(ASK[source], tls_server.url)
    assert tls_server.disconnected.wait(5), "the connection is dropped"


heads = st.lists(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 403 Forbidden\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/0.9 99999\r\n",
            b"Content-Type: application/json; charset=\xff\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 1, 2\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Encoding: \x00\r\n",
            b"Retry-After: \xb2\r\n",
            b"Location: http://[\r\n",
            b"Set-Cookie: \xff=\x00\r\n",
            b"WWW-Authenticate: Basic realm=\r\n",
            b": \r\n",
            b"\r\n",
            b"-5\r\n",
            b"3\r\n[] \r\n",
            b"[]",
        ]
    )
    | st.binary(max_size=9),
    max_size=8,
)


@both
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=heads)
@example([HEAD, b"\r\n", b"["])
@example([HEAD, b"Content-Length: 1, 2\r\n\r\n"])
@example([b"HTTP/1.1 401 No\r\nWWW-Authenticate: =\r\n\r\n"])
def test_any_bytes_are_a_result_or_a_source_error(raw_server: RawServer, source: str, pieces: list[bytes]) -> None:
    raw_server.send(lambda: pieces, keep_open=False)
    try:
        assert not ASK[source](raw_server.url)
    except SourceError as error:
        assert str(error).endswith(".")  # noqa: PT017  (either may happen)
