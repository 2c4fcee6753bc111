"""What the web server itself refuses, before Windhover sees it: requests by a problem, no 5xx, and connections."""

import json
import logging
import time
from ipaddress import IPv4Network, IPv6Network
from typing import Any, ClassVar

from django.conf import settings
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.receiver import ChunkedReceiver
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, Error

from config.proxied import ip
from core.networks import network_of

logger = logging.getLogger(__name__)

# How many connections a client may have open in each process; a browser opens about six.
MAX_CONNECTIONS = 100

# How long the head and body of a request may take, and how long a connection may be idle.
RECEIVE_SECONDS = 60

# How long a client may take nothing of a long response. Some megabytes are on their way: the system accepts more only
# when a large part of those has arrived, which takes a slow client minutes.
SEND_SECONDS = 300

# Bytes before and after what a client sends in chunks: of a chunk's size and extensions, and of headers after the last.
MAX_CHUNK_HEAD = 2**10
MAX_TRAILER = 2**12

DETAILS = {
    413: "The body is too large.",
    431: "The address or the headers are too long.",
    500: "Server error. This is not your fault. The web server's log has the details.",
}


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Count what waitress does not expect as an invalid request, too: it would close the connection silently."""

    completed: bool

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.completed:
            # Its client may have asked to be told when to send the body (Expect), but none is waited for: there is
            # none, or it is refused. waitress would tell it so, and wait for the request to go on.
            self.expect_continue = False
        elif isinstance(self.body_rcv, ChunkedReceiver) and (
            len(self.body_rcv.control_line) > MAX_CHUNK_HEAD or len(self.body_rcv.trailer) > MAX_TRAILER
        ):
            # waitress would keep them in memory up to the size of a body, and copy and search them for each packet.
            self.error = BadRequest("too much that is no part of the body")
            self.completed = True
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except (
            ValueError,
            TransferEncodingNotImplemented,
        ) as error:  # an invalid address, or a number too long to read
            raise ParsingError(str(error)) from error
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            # waitress removes the header where it is valid. Otherwise a proxy in front may think that the body ends
            # elsewhere, and take the rest for another client's request (RFC 9112, section 6.3).
            raise ParsingError("Transfer-Encoding with Content-Length or in HTTP/1.0")


class Refusal(ErrorTask):  # type: ignore[misc]
    def execute(self) -> None:
        self.request.error = Problem(self.request.error)
        super().execute()


class Problem:
    """An error of waitress that is shown as those of the REST API."""

    def __init__(self, error: Error) -> None:
        self.error = error

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        status, title = self.error.code, self.error.reason
        detail = DETAILS.get(status, f"This is not a valid HTTP request: {self.error.body}.")
        content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        return f"{status} {title}", [("Content-Type", "application/problem+json")], json.dumps(content).encode()


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that uses Parser and Refusal, and is closed if its client is too slow.

    It is closed at once if its client has MAX_CONNECTIONS others: it could hold all that the server accepts.
    """

    parser_class: Any = Parser
    error_task_class: Any = Refusal
    sent_at: float | None = None
    warned_at: ClassVar[dict[IPv4Network | IPv6Network, float]] = {}

    def __init__(self, server: Any, sock: Any, addr: tuple[Any, ...], *args: Any, **kwargs: Any) -> None:
        self.client = limited_client(addr[0])
        super().__init__(server, sock, addr, *args, **kwargs)
        self.waiting_since = time.monotonic()
        if self.client:
            connections = sum(channel.client == self.client for channel in server.active_channels.values())
            if connections > MAX_CONNECTIONS:
                self.warn(self.client)
                self.handle_close()

    def warn(self, client: IPv4Network | IPv6Network) -> None:
        """Log that a client has too many connections, once a minute."""
        recent = {other: at for other, at in self.warned_at.items() if time.monotonic() - at < 60}
        if client not in recent:
            recent[client] = time.monotonic()
            logger.warning(
                "Connections from %s refused: more than %d; if it is your proxy, set TRUSTED_PROXIES",
                client,
                MAX_CONNECTIONS,
            )
        Channel.warned_at = recent

    def close_if_slow(self) -> None:
        """Close the connection if its next request is not complete RECEIVE_SECONDS after the last one, or if the
        thread that writes a long response has waited for its client for SEND_SECONDS.

        waitress itself counts the seconds since the last byte, so that a client could send one now and then; and the
        thread waits for ever.
        """
        allowed, moved = RECEIVE_SECONDS, bool(self.requests or self.total_outbufs_len)
        if moved and self.total_outbufs_len > self.adj.outbuf_high_watermark:
            # When bytes were sent last. It is only compared, since the clock may be set.
            allowed, moved = SEND_SECONDS, self.last_activity != self.sent_at
            self.sent_at = self.last_activity
        if moved:
            self.waiting_since = time.monotonic()
        elif time.monotonic() - self.waiting_since > allowed:
            self.handle_close()


def limited_client(address: str) -> IPv4Network | IPv6Network | None:
    """Return whose connections are counted together: an address, or the /64 network that one client has in IPv6.

    None is this machine or a trusted proxy, whose connections are those of all clients.
    """
    found = ip(address)
    if found is None or found.is_loopback or any(found in network for network in settings.TRUSTED_PROXIES):
        return None
    return network_of(found)
