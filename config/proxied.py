"""What reverse proxies say about a request: used only if they are in TRUSTED_PROXIES.

PUBLIC_URL is Windhover's public address, so that a proxy need not send all of it.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Proxied:
    """A WSGI application that corrects the client's address, scheme, host and SCRIPT_NAME for another one."""

    def __init__(
        self, application: Application, trusted: Iterable[IPv4Network | IPv6Network], public_url: str = ""
    ) -> None:
        self.application = application
        self.trusted = tuple(trusted)
        public = urlsplit(public_url)
        self.scheme, self.host, self.hostname = public.scheme, public.netloc, public.hostname
        self.prefix = public.path
        self.warned = False

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        # Removed, so that no later code can use them by mistake.
        headers = {
            name: environ.pop(name) for name in list(environ) if name.startswith(("HTTP_X_FORWARDED", "HTTP_FORWARDED"))
        }
        # An IPv6 socket names IPv4 clients as ::ffff:192.0.2.1.
        client = environ["REMOTE_ADDR"] = str(ip(environ.get("REMOTE_ADDR", "")) or "")
        proxied = bool(headers) and self.is_trusted(client)
        if proxied:
            self.apply(environ, headers)
        elif headers and not self.warned:
            self.warned = True
            logger.warning("X-Forwarded headers from %s are ignored; if it is your proxy, set TRUSTED_PROXIES", client)
        path = environ.get("PATH_INFO", "")
        if self.prefix and f"{path}/".startswith(f"{self.prefix}/"):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = self.prefix, path[len(self.prefix) :]
        elif proxied:  # the proxy removed the prefix
            environ["SCRIPT_NAME"] = self.prefix
        return self.application(environ, start_response)

    def apply(self, environ: Environ, headers: dict[str, str]) -> None:
        environ["REMOTE_ADDR"] = self.client(environ["REMOTE_ADDR"], headers.get("HTTP_X_FORWARDED_FOR", ""))
        # The last one is of the nearest proxy.
        scheme = headers.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        hosts = (environ.get("HTTP_HOST", ""), headers.get("HTTP_X_FORWARDED_HOST", ""))
        if self.hostname and self.hostname in map(hostname, hosts):
            # Proxies often leave out the port, or pass http of another proxy in front of them.
            environ["HTTP_HOST"], environ["wsgi.url_scheme"] = self.host, self.scheme

    def client(self, address: str, forwarded_for: str) -> str:
        """Return the nearest address that is not a trusted proxy's: anyone can add to the left of X-Forwarded-For."""
        for said in reversed(forwarded_for.split(",")):
            if not self.is_trusted(address) or not (found := ip(said)):
                break
            address = str(found)
        return address

    def is_trusted(self, address: str) -> bool:
        found = ip(address)
        return bool(found) and any(found in network for network in self.trusted)


def ip(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in `text`, which some proxies write with a port; None if there is none.

    Without the zone of an IPv6 address, which may be any text.
    """
    for candidate in (text.strip(), hostname(text.strip()) or ""):
        with suppress(ValueError):
            found = ip_address(candidate.partition("%")[0])
            return getattr(found, "ipv4_mapped", None) or found
    return None


def hostname(host: str) -> str | None:
    """Return a host without its port, in lower case and without brackets; None if it is invalid."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


class CookiesMiddleware:
    """Keep cookies to the address that people use: to HTTPS if it is, and to the sub-path."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for cookie in response.cookies.values():
            cookie["path"] = f"{request.META.get('SCRIPT_NAME', '')}/"
            if request.is_secure():
                cookie["secure"] = True
        return response
