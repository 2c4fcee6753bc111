"""Whose requests count together."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def network_of(address: str | IPv4Address | IPv6Address) -> IPv4Network | IPv6Network | None:
    """Return a client's IPv4 address, or the /64 network that one client has in IPv6; None if it is no address."""
    try:
        found = ip_address(str(address).partition("%")[0])
    except ValueError:
        return None
    return ip_network((found, 64 if found.version == 6 else 32), strict=False)
