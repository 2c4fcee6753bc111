"""Read settings from the environment; a wrong value raises ImproperlyConfigured, which names the variable."""

import os
import re
import sys
import unicodedata
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values, load_dotenv

from core.proxies import is_loopback, proxy_for

BASE_DIR = Path(__file__).resolve().parent.parent
MOST_PER_DAY = 1_000_000_000
_MOST_DAYS = 36_500
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

# Where each variable that was read has its value from.
sources: dict[str, str] = {}

# The environment overrides .env. Tests set WINDHOVER_ENV_FILE to ignore it.
_file = os.path.expanduser(os.environ.get("WINDHOVER_ENV_FILE", BASE_DIR / ".env"))
try:
    # Some editors begin a file in UTF-8 with a byte order mark, which is no part of the first name.
    load_dotenv(_file, override=False, encoding="utf-8-sig")
    _in_file = dotenv_values(_file, encoding="utf-8-sig")
except ValueError:  # not UTF-8, or a NUL
    sys.exit(f"windhover: {_file} is not a text file in UTF-8.")

# Requests to this machine never use a proxy: core.proxies does this for our clients, this for other libraries.
for _name in ("no_proxy", "NO_PROXY"):
    _bypassed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    if _bypassed != "*":
        os.environ[_name] = ",".join(dict.fromkeys(filter(None, [*_bypassed.split(","), *THIS_MACHINE])))


def text(name: str, default: str = "") -> str:
    """Return variable `name`, or the content of the file at path `<name>_FILE` (for secrets)."""
    value = os.environ.get(name, "").strip()
    file = os.environ.get(f"{name}_FILE", "").strip()
    sources[name] = _source(name) if value else f"{name}_FILE" if file else "default"
    if not value and file:
        try:
            value = Path(os.path.expanduser(file)).read_text("utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            # Without the path, which may be the secret itself, by mistake.
            why = error.strerror if isinstance(error, OSError) else "not a text file"
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read ({why}).") from None
    # Bytes that are not UTF-8 are surrogates in Python.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value if character not in "\t\r\n"):
        raise ImproperlyConfigured(f"{name} contains a control character, or is not text in UTF-8.")
    return value or default


def _source(variable: str) -> str:
    # A process that the one that has read .env started has the same values in its environment.
    return ".env" if _in_file.get(variable) == os.environ[variable] else "environment"


def path(name: str, default: Path) -> Path:
    """Return variable `name` as an absolute path; `~` is the home folder, as in a shell.

    A relative one begins at this project's folder: the parts of Windhover run in different ones.
    """
    found = os.path.expanduser(text(name, str(default)))
    if found.startswith("~"):
        raise ImproperlyConfigured(f"{name} begins with ~, but there is no such home folder; write the whole path.")
    return BASE_DIR / found


def boolean(name: str, default: bool) -> bool:
    """Return variable `name` as a bool; only True and False (in any case) are accepted."""
    value = text(name, str(default))
    if value.lower() not in ("true", "false"):
        raise ImproperlyConfigured(f"{name} must be True or False, not {_shown(value)}.")
    return value.lower() == "true"


def integer(name: str, default: int, minimum: int, maximum: int) -> int:
    """Return variable `name` as an int between `minimum` and `maximum`."""
    value = text(name, str(default))
    if not _is_digits(value) or not minimum <= int(value) <= maximum:
        raise ImproperlyConfigured(f"{name} must be a whole number from {minimum} to {maximum}, not {_shown(value)}.")
    return int(value)


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """Return variable `name`, which must be one of `choices`."""
    value = text(name, default).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {_shown(value)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """Return the comma-separated parts of variable `name`, without empty ones."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def web_address(name: str, default: str = "") -> str:
    """Return variable `name` as an http(s) address, the host in ASCII, without a default port and a trailing slash.

    A missing scheme is https, or http for an address on this machine.
    """
    value = text(name, default)
    return _web_address(name, value) if value else ""


def sentry_dsn(name: str) -> str:
    """Return variable `name`, the address to which errors are reported: https://key@host/project; or ""."""
    value = text(name)
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(host_name(parts.hostname or "")) and parts.port != 0
        valid = valid and bool(parts.username) and parts.path.rpartition("/")[2].isdigit()
    except ValueError:
        valid = False
    if value and not valid:
        # Without the value, which contains a key.
        raise ImproperlyConfigured(f"{name} must be a DSN such as https://key@sentry.example.org/1.")
    return value


def origins(name: str) -> list[str]:
    """Return the web addresses of variable `name` without a path, as browsers send them in Origin."""
    found = [_web_address(name, part) for part in words(name)]
    if any(urlsplit(address).path for address in found):
        raise ImproperlyConfigured(f"{name} must be web addresses without a path, such as https://example.org.")
    return found


def _web_address(name: str, value: str) -> str:
    try:
        if "://" not in value:
            host = urlsplit(f"//{value}").hostname or ""
            value = f"{'http' if is_loopback(host) else 'https'}://{value}"
        parts = urlsplit(value)
        host = host_name(parts.hostname or "")
        valid = parts.scheme in ("http", "https") and host and parts.port != 0 and len(value) <= 500
        valid = valid and not parts.netloc.endswith(":")  # https:/example.org, without a scheme
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or "@" in parts.netloc or not _is_path(value, parts.path):
        raise ImproperlyConfigured(f"{name} must be a web address such as https://example.org.")
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def public_address(name: str) -> str:
    """Return variable `name` as a web address that browsers can send and Django accepts."""
    value = web_address(name)
    parts = urlsplit(value)
    if "_" in parts.netloc or not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", parts.path):
        raise ImproperlyConfigured(f"{name} must be a web address such as https://example.org/windhover.")
    return value


def host(name: str, default: str) -> str:
    """Return variable `name`, a host name or IP address without brackets."""
    value = text(name, default)
    if not (found := host_name(value)):
        raise ImproperlyConfigured(f"{name} must be an IP address or host name, not {_shown(value)}.")
    return found.strip("[]")


def host_names(name: str) -> list[str]:
    """Return the host names of variable `name` for ALLOWED_HOSTS: `*` is any, `.example.org` with subdomains."""
    found = []
    for part in words(name):
        known = host_name(part.removeprefix("."))
        if part != "*" and (not known or "_" in known or (":" in known) != part.startswith("[")):
            raise ImproperlyConfigured(
                f"{name} must be host names such as example.org, without scheme, port and path, not {_shown(part)}."
            )
        found.append("*" if part == "*" else f"{'.' if part.startswith('.') else ''}{known}")
    return found


def host_name(host: str) -> str:
    """Return `host` in lower-case ASCII, IPv6 addresses in brackets; "" if it cannot be one."""
    with suppress(ValueError):
        return f"[{IPv6Address(host.removeprefix('[').removesuffix(']'))}]"
    try:
        found = host.encode("idna").decode().lower()
        if found.rpartition(".")[2].isdigit():
            IPv4Address(found)  # browsers, too, read a number at the end as an IP address
    except ValueError:
        return ""
    return found if len(found) < 254 and re.fullmatch(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?", found) else ""


def redis_url(name: str) -> str:
    """Return variable `name`, the URL of a Redis or Valkey server or of its socket, as Celery takes it; or ""."""
    return _redis_url(name, text(name).replace("unix://", "redis+socket://", 1))


def redis_host(name: str) -> str:
    """Return the URL of the server that variable `name` names by its host, with or without a port; or ""."""
    value = text(name)
    return _redis_url(name, value and f"redis://{value if ':' in value else f'{value}:6379'}/0")


def _redis_url(name: str, url: str) -> str:
    from kombu.connection import Connection  # imported here: the web server's first process does without its 10 MB

    try:
        parts = urlsplit(url)
        if parts.scheme == "redis+socket":
            # The kernel's limit for a socket's path is 108 bytes.
            valid = 0 < len(unquote(parts.netloc + parts.path).encode()) < 108
        else:
            valid = parts.scheme in ("redis", "rediss") and bool(host_name(parts.hostname or "")) and parts.port != 0
            valid = valid and bool(re.fullmatch(r"(/[0-9]{0,5})?", parts.path))
        Connection(url)  # type: ignore[no-untyped-call]  # connects to nothing; fails if an option is unknown
    except (ValueError, TypeError, KeyError):
        valid = False
    if url and (not valid or parts.fragment or any(map(str.isspace, url))):
        # Without the URL, which may contain a password.
        raise ImproperlyConfigured(
            f"{name} must name a Redis server, such as redis://host:6379/0 (in a password, # is %23 and / is %2F)."
        )
    return url


def networks(name: str, default: str) -> list[IPv4Network | IPv6Network]:
    """Return the IP addresses and networks of variable `name`, all as networks."""
    found = []
    for part in words(name, default):
        try:
            found.append(ip_network(part, strict=False))
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be IP addresses or networks, not {_shown(part)}.") from None
    return found


def check_proxy(url: str) -> None:
    """Raise if the proxy for requests to `url` has an address that not all of our HTTP libraries can use."""
    try:
        parts = urlsplit(proxy_for(url) or "http://none")
        valid = parts.scheme in ("http", "socks4", "socks4a", "socks5", "socks5h")
        valid = valid and bool(host_name(parts.hostname or "")) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        # Without the address, which may contain a password.
        raise ImproperlyConfigured(
            "HTTP_PROXY, HTTPS_PROXY and ALL_PROXY must begin with http://, socks5h:// or socks5://."
        )


def time_zone(name: str, default: str) -> ZoneInfo:
    """Return the time zone that variable `name` names: Europe/Berlin."""
    value = text(name, default)
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ImproperlyConfigured(f"{name} must be a time zone such as Europe/Berlin, not {_shown(value)}.") from None


def seconds_or_auto(name: str, maximum: int) -> int | None:
    """Return variable `name` in seconds, or None for `auto`."""
    value = text(name, "auto").lower()
    if value == "auto":
        return None
    if not _is_digits(value) or not 1 <= int(value) <= maximum:
        raise ImproperlyConfigured(
            f"{name} must be auto or a whole number of seconds from 1 to {maximum}, not {_shown(value)}."
        )
    return int(value)


def days_or_forever(name: str, default: str, minimum: int) -> int | None:
    """Return variable `name` in days, or None for `forever`."""
    value = text(name, default).lower()
    if value == "forever":
        return None
    if not _is_digits(value) or not minimum <= int(value) <= _MOST_DAYS:
        raise ImproperlyConfigured(
            f"{name} must be forever or a whole number of days from {minimum} to {_MOST_DAYS}, not {_shown(value)}."
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
        if not _is_digits(number.strip()) or int(number) > MOST_PER_DAY:
            raise ImproperlyConfigured(
                f"{name} must be one number or project=number pairs, each at most {MOST_PER_DAY}, not {_shown(part)}."
            )
        limits[project.strip()] = int(number)
    return limits


def _is_digits(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 19


def _is_path(address: str, path: str) -> bool:
    """Return whether browsers and servers take `path` as it is; urlsplit() has removed line breaks from it."""
    readable = path.isascii() and path.isprintable() and not any(map(str.isspace, address))
    return readable and not {".", ".."} & set(unquote(path).split("/"))


def _shown(value: str) -> str:
    """Return how a message quotes a wrong value: one that is long or has a @ may be a secret, by mistake."""
    return repr(value) if len(value) <= 30 and "@" not in value else "what it is now"
