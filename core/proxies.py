"""Which proxy a request uses, for all clients alike: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

Names in lower case take precedence, as for curl. Addresses of this machine are never requested through a proxy,
which would look for them on its own machine.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy for a request to `url`, or None for a direct connection."""
    parts = urlsplit(url)
    proxies = getproxies_environment()
    if is_loopback(parts.hostname or "") or proxy_bypass_environment(parts.netloc, proxies):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def is_loopback(host: str) -> bool:
    """Return whether `host` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
