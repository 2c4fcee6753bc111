"""The web server: some processes of waitress on one socket.

waitress reads a request whole, in one loop for all connections, before a thread handles it, and sends the response in
that loop. So clients that are slow, idle or stop halfway hold a connection, but no thread.
"""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn
from wsgiref.types import WSGIApplication

from django.conf import settings

from config.preloading import preload, share

LIMITS = {
    "connection_limit": 400,
    "channel_timeout": 60,  # seconds without a byte
    "cleanup_interval": 10,
    # Bytes of a response that wait for its client; then the thread waits, too. Only exports are longer. waitress keeps
    # up to twice as many in memory.
    "outbuf_high_watermark": 2**20,
    "max_request_header_size": 2**16,
    "max_request_body_size": 2**22,  # Django's own limit is lower, and explained on a page
}
GRACE_SECONDS = 30


def main() -> None:
    """Listen on HOST and PORT; keep the processes running until SIGTERM or SIGINT, and end with them."""
    listener = listen(settings.HOST, settings.PORT)
    processes: set[int] = set()
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        listener.close()
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    # A process that starts now would miss the signal: it is blocked while `processes` is not up to date.
    signals = {signal.SIGTERM, signal.SIGINT}
    for number in signals:
        signal.signal(number, stop)
    preload()
    from config.wsgi import application

    share()
    while not stopping or processes:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        while not stopping and len(processes) < settings.WEB_PROCESSES:
            processes.add(start_process(listener, application, signals))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        # Not os.wait(): a signal that arrives just before it would be handled only when a process ends.
        ended, _ = os.waitpid(-1, os.WNOHANG)
        if not ended:
            time.sleep(0.2)
            continue
        processes.discard(ended)
        if not stopping:
            sys.stderr.write(f"process {ended} ended; starting another\n")
            time.sleep(1)


def listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(1024)
    return listener


def start_process(listener: socket.socket, application: WSGIApplication, signals: set[signal.Signals]) -> int:
    parent = os.getpid()
    if process := os.fork():
        return process
    for number in signals:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    serve(listener, application, parent)


def serve(listener: socket.socket, application: WSGIApplication, parent: int) -> NoReturn:
    """Serve until SIGTERM, or until the parent is gone; then finish the requests that were received."""
    from django.utils.module_loading import import_string
    from waitress import create_server, wasyncore

    from config.refusals import Channel

    server = create_server(
        application,
        sockets=[listener],
        threads=settings.WEB_THREADS,
        asyncore_use_poll=True,
        ident=None,
        clear_untrusted_proxy_headers=False,  # config.proxied decides about them
        **LIMITS,
    )
    server.channel_class = Channel
    import_string("apps.incidents.parts.watch")()
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        server.pull_trigger()  # wakes the loop

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, too

    checked_at = time.monotonic()

    def loop() -> None:
        nonlocal checked_at
        # `_map`: waitress has no public way to run its loop once.
        wasyncore.loop(timeout=1, use_poll=True, map=server._map, count=1)
        if time.monotonic() - checked_at > 1:
            checked_at = time.monotonic()
            for channel in list(server.active_channels.values()):
                channel.close_if_slow()

    while not stopping and os.getppid() == parent:
        loop()
    wasyncore.dispatcher.close(server)  # listens no longer
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(
        channel.requests or channel.total_outbufs_len for channel in server.active_channels.values()
    ):
        loop()
    sys.exit()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
