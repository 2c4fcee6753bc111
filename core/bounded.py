"""Answers with an end: none may be longer, or take longer, than any honest answer would.

The timeouts of HTTP libraries begin anew with every byte, and leave the head out where they count at all; a source
that sends a byte now and then would hold a worker for days. So the limits lie where all bytes pass, below
http.client, on which both of our HTTP libraries are built.
"""

import http.client
import io
import socket
import time
from typing import Any, Final

# The longest honest answer is videos.list about fifty videos: two descriptions each of at most 5,000 characters,
# which take at most 12 bytes each where JSON escapes them. That is 6 MB; a usual answer has 0.2 MB.
MOST_BYTES: Final = 8 * 2**20
MOST_SECONDS: Final = 15  # from the question's last byte to the answer's; each silence has the client's own timeout


class TooMuch(Exception):
    """An answer goes beyond the limits. The message goes on where "The answer" leaves off."""


class BoundedResponse(http.client.HTTPResponse):
    """An answer that raises TooMuch while it is read, where it is longer or slower than the limits.

    It is for `response_class` of an http.client connection, whose owner must drop it after that. A compressed body
    is refused as well, since a few KB can become many GB: ask with `Accept-Encoding: identity`.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = _Buffer(_Bytes(self.fp.detach(), sock))

    def begin(self) -> None:
        try:
            super().begin()
        except http.client.BadStatusLine as error:
            # httplib2 takes this for a connection that went stale, and asks once more by itself: a call that
            # nobody has paid for.
            raise ConnectionResetError("hung up without an answer") from error
        if self.getheader("Content-Encoding", "").strip().lower() not in ("", "identity"):
            raise TooMuch("came compressed, although we asked for it plain")


class _Bytes(io.RawIOBase):
    """The bytes of one answer as they come out of a socket, until a limit is reached."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._left = MOST_BYTES
        self._ends_at = time.monotonic() + MOST_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        patience = self._socket.gettimeout()
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise self._end(f"took longer than {MOST_SECONDS} seconds")
        last = patience is None or left < patience
        self._socket.settimeout(left if last else patience)
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if last:
                raise self._end(f"took longer than {MOST_SECONDS} seconds") from None
            raise
        self._socket.settimeout(patience)
        self._left -= count or 0
        if self._left < 0:
            raise self._end(_too_long())
        return count

    def close(self) -> None:
        # Not the socket: that belongs to the connection, which closes it when it has nothing more to ask.
        self._raw.close()
        super().close()

    def _end(self, why: str) -> TooMuch:
        # Not self.close(): http.client flushes what it closes, which a closed file refuses.
        self._raw.close()
        return TooMuch(why)


class _Buffer(io.BufferedReader):
    """A buffer that makes no room for more than the limit, whatever length an answer announces."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_BYTES:
            raise TooMuch(_too_long())
        return super().read(size)


def _too_long() -> str:
    return f"is longer than {MOST_BYTES / 2**20:.0f} MB"
