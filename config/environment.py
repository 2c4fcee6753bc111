"""Read settings from the environment; a wrong value raises ImproperlyConfigured, which names the variable."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

from core.proxies import is_loopback, proxy_for

BASE_DIR = Path(__file__).resolve().parent.parent
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

# The environment overrides .env. Tests set WINDHOVER_ENV_FILE to ignore it.
load_dotenv(os.path.expanduser(os.environ.get("WINDHOVER_ENV_FILE", BASE_DIR / ".env")), override=False)

# Requests to this machine never use a proxy: core.proxies does this for our clients, this for other libraries.
for _name in ("no_proxy", "NO_PROXY"):
    _bypassed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    if _bypassed != "*":
        os.environ[_name] = ",".join(dict.fromkeys(filter(None, [*_bypassed.split(","), *THIS_MACHINE])))


def text(name: str, default: str = "") -> str:
    """Return variable `name`, or the content of the file at path `<name>_FILE` (for secrets)."""
    value = os.environ.get(name, "").strip()
    file = os.environ.get(f"{name}_FILE", "").strip()
    if not value and file:
        try:
            value = Path(os.path.expanduser(file)).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            # Without the path, which may be the secret itself, by mistake.
            why = error.strerror if isinstance(error, OSError) else "not a text file"
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read ({why}).") from None
    return value or default


def path(name: str, default: Path) -> Path:
    """Return variable `name` as an absolute path; `~` is the home folder, as in a shell."""
    return Path(os.path.expanduser(text(name, str(default)))).absolute()


def boolean(name: str, default: bool) -> bool:
    """Return variable `name` as a bool; only True and False (in any case) are accepted."""
    value = text(name, str(default))
    if value.lower() not in ("true", "false"):
        raise ImproperlyConfigured(f"{name} must be True or False, not {value!r}.")
    return value.lower() == "true"


def integer(name: str, default: int, minimum: int, maximum: int) -> int:
    """Return variable `name` as an int between `minimum` and `maximum`."""
    value = text(name, str(default))
    if not _is_digits(value) or not minimum <= int(value) <= maximum:
        raise ImproperlyConfigured(f"{name} must be a whole number from {minimum} to {maximum}, not {value!r}.")
    return int(value)


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """Return variable `name`, which must be one of `choices`."""
    value = text(name, default).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """Return the comma-separated parts of variable `name`, without empty ones."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def web_address(name: str, default: str = "") -> str:
    """Return variable `name` as an http(s) address without a trailing slash; a missing scheme is https,
    or http for an address on this machine."""
    value = text(name, default)
    if not value:
        return ""
    try:
        if "://" not in value:
            host = urlsplit(f"//{value}").hostname or ""
            value = f"{'http' if is_loopback(host) else 'https'}://{value}"
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username or any(map(str.isspace, value)):
        raise ImproperlyConfigured(f"{name} must be a web address such as https://example.org.")
    return value.rstrip("/")


def public_address(name: str) -> str:
    """Return variable `name` as browsers write an address: no default port, ASCII only in lower case."""
    value = web_address(name)
    if not value:
        return ""
    parts = urlsplit(value)
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:
        host = ""
    if not re.fullmatch(r"[a-z0-9.:_-]+", host) or not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", parts.path):
        raise ImproperlyConfigured(f"{name} must be a web address such as https://example.org/windhover.")
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path}"


def networks(name: str, default: str) -> list[IPv4Network | IPv6Network]:
    """Return the IP addresses and networks of variable `name`, all as networks."""
    found = []
    for part in words(name, default):
        try:
            found.append(ip_network(part, strict=False))
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be IP addresses or networks, not {part!r}.") from None
    return found


def check_proxy(url: str) -> None:
    """Raise if the proxy for requests to `url` has an address that not all of our HTTP libraries can use."""
    try:
        parts = urlsplit(proxy_for(url) or "http://none")
        valid = parts.scheme in ("http", "socks4", "socks4a", "socks5", "socks5h") and bool(parts.hostname)
        valid = valid and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        # Without the address, which may contain a password.
        raise ImproperlyConfigured(
            "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY must begin with http://, socks5h:// or socks5://."
        )


def seconds_or_auto(name: str, maximum: int) -> int | None:
    """Return variable `name` in seconds, or None for `auto`."""
    value = text(name, "auto").lower()
    if value == "auto":
        return None
    if not _is_digits(value) or not 1 <= int(value) <= maximum:
        raise ImproperlyConfigured(
            f"{name} must be auto or a whole number of seconds from 1 to {maximum}, not {value!r}."
        )
    return int(value)


def youtube_keys(name: str) -> list[tuple[str, str]]:
    """Return the (project, key) pairs of variable `name`: comma-separated `key` or `project=key`.

    Without a project it is empty: until YouTube reports otherwise, the key counts as a project of its own.
    """
    pairs: list[tuple[str, str]] = []
    for position, part in enumerate(words(name), start=1):
        project, _, key = part.rpartition("=")
        project, key = project.strip(), key.strip()
        # The message gives the position, not the value, which is secret.
        if not key or not key.isascii() or not key.isprintable() or " " in key or len(key) > 200:
            raise ImproperlyConfigured(f"{name}: entry {position} is not a key or project=key.")
        if len(project) > 100:
            raise ImproperlyConfigured(f"{name}: the project of entry {position} is longer than 100 characters.")
        if key in (known for _, known in pairs):
            raise ImproperlyConfigured(f"{name}: entry {position} repeats an earlier key.")
        pairs.append((project, key))
    return pairs


def per_project(name: str, default: int) -> dict[str, int]:
    """Return daily limits by project from variable `name`: one number, or `project=number` pairs.

    The empty string maps to the limit of all other projects.
    """
    limits = {"": default}
    for part in words(name):
        project, _, number = part.rpartition("=")
        if not _is_digits(number.strip()):
            raise ImproperlyConfigured(f"{name} must be one number or project=number pairs, not {part!r}.")
        limits[project.strip()] = int(number)
    return limits


def _is_digits(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 19
