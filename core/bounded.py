"""HTTP responses capped in size and time.

The timeouts of HTTP libraries start again with every byte, and do not cover the headers, or only partly; a source
that sends one byte now and then would block a worker for days. So the limits are applied where all bytes pass, below
http.client, on which both of our HTTP libraries are built.
"""

import http.client
import io
import socket
import time
from typing import Any, Final

import requests.adapters

# The longest valid response is videos.list with fifty videos: two descriptions each of at most 5,000 characters,
# which take at most 12 bytes each where JSON escapes them. That is 6 MB; a typical response has 0.2 MB.
MAX_BYTES: Final = 8 * 2**20
MAX_SECONDS: Final = 15  # from the last byte sent to the last byte received; the client's own timeout covers each pause


class ResponseTooLarge(Exception):
    """A response exceeds the limits in size or time. The message continues a sentence that begins "The response"."""


class BoundedResponse(http.client.HTTPResponse):
    """A response that raises ResponseTooLarge while it is read, if it is larger or slower than the limits.

    Use it as `response_class` of an http.client connection, and close the connection after the exception. A
    compressed body is also refused, since a few KB can expand to many GB: send `Accept-Encoding: identity`.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = _Buffer(_Bytes(self.fp.detach(), sock))

    def begin(self) -> None:
        try:
            super().begin()
        except http.client.BadStatusLine as error:
            # httplib2 takes this for a stale connection and repeats the request: a call that was not reserved.
            raise ConnectionResetError("connection closed without a response") from error
        if self.getheader("Content-Encoding", "").strip().lower() not in ("", "identity"):
            raise ResponseTooLarge("was compressed, although an uncompressed one was requested")


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """Cap the responses of a session of requests, direct or through a proxy."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = pool.ConnectionCls
        if kind.response_class is not BoundedResponse:
            pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": BoundedResponse})
        return pool


class _Bytes(io.RawIOBase):
    """The bytes of one response as they arrive at a socket, until a limit is reached."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._left = MAX_BYTES
        self._deadline = time.monotonic() + MAX_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        timeout = self._socket.gettimeout()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._exceeded(f"took longer than {MAX_SECONDS} seconds")
        is_last = timeout is None or left < timeout
        self._socket.settimeout(left if is_last else timeout)
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if is_last:
                raise self._exceeded(f"took longer than {MAX_SECONDS} seconds") from None
            raise
        self._socket.settimeout(timeout)
        self._left -= count or 0
        if self._left < 0:
            raise self._exceeded(_too_long())
        return count

    def close(self) -> None:
        # Not the socket: it belongs to the connection, which may send further requests.
        self._raw.close()
        super().close()

    def _exceeded(self, why: str) -> ResponseTooLarge:
        # Not self.close(): http.client flushes what it closes, which a closed file refuses.
        self._raw.close()
        return ResponseTooLarge(why)


class _Buffer(io.BufferedReader):
    """A buffer that never allocates more than the limit, even if a response announces a greater length."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_BYTES:
            raise ResponseTooLarge(_too_long())
        return super().read(size)


def _too_long() -> str:
    return f"is larger than {MAX_BYTES / 2**20:.0f} MB"
