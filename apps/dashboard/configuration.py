"""What is configured, and where each value comes from, without secrets."""

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.template.defaultfilters import filesizeformat

from apps.dashboard.times import span
from apps.incidents import notify
from apps.quota.models import ApiKey

SIGN_IN = {
    "off": "off: anyone who reaches Windhover may change things",
    "write": "write: changes need an account, reading is open",
    "all": "all: reading needs an account, too",
}
# What the demo decides, whatever the variables say.
_OF_DEMO = {"YT_KEYS", "YT_SEARCHES_PER_DAY", "YT_UNITS_PER_DAY", "YOUTUBE_API_URL", "DATABASE_URL"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with its values as people read them, and its source: "environment", ".env", "default" and so on."""

    label: str
    variable: str
    values: list[str]
    source: str


def groups() -> list[tuple[str, list[Setting]]]:
    """Return all settings in groups, each with its title; two queries, and one that measures PostgreSQL's database."""
    return [
        ("Sources", _sources()),
        ("Access", _access()),
        ("Notifications", _notifications()),
        ("Monitoring", _monitoring()),
        ("Storage", _storage()),
        ("Processes", _processes()),
    ]


def _sources() -> list[Setting]:
    keys = [f"{key.label}: fingerprint {key.fingerprint}, {key.get_state_display()}" for key in ApiKey.objects.all()]
    every = settings.FETCH_INTERVAL
    return [
        _setting("YouTube API keys", "YT_KEYS", ["the simulated YouTube’s"] if settings.DEMO else keys),
        _setting("Searches per day", "YT_SEARCHES_PER_DAY", _per_project(settings.YT_SEARCHES_PER_DAY)),
        _setting("Other quota units per day", "YT_UNITS_PER_DAY", _per_project(settings.YT_UNITS_PER_DAY)),
        _setting("YouTube Data API", "YOUTUBE_API_URL", settings.YOUTUBE_API_URL),
        _setting("Invidious", "INVIDIOUS_URL", settings.INVIDIOUS_URL),
        _setting("Default interval", "FETCH_INTERVAL", span(every, parts=4) if every else "automatic"),
    ]


def _access() -> list[Setting]:
    return [
        _setting("Sign-in", "SIGN_IN", SIGN_IN[settings.SIGN_IN]),
        _setting("Listens on", "HOST", settings.HOST),
        _setting("Port", "PORT", settings.PORT),
        _setting("Public address", "PUBLIC_URL", settings.PUBLIC_URL),
        _setting("HTTPS only, in seconds (HSTS)", "HSTS_SECONDS", settings.SECURE_HSTS_SECONDS),
        _setting("Trusted proxies", "TRUSTED_PROXIES", settings.TRUSTED_PROXIES),
        _setting("Host names", "ALLOWED_HOSTS", settings.ALLOWED_HOSTS),
        _setting("Origins that may use the API", "CORS_ORIGINS", settings.CORS_ALLOWED_ORIGINS),
        _setting("Error details on pages", "DEBUG", "on" if settings.DEBUG else "off"),
    ]


def _notifications() -> list[Setting]:
    addresses = [address.name for address in notify.named(settings.NOTIFY_URLS, "NOTIFY_URLS")]
    return [
        _setting("Addresses", "NOTIFY_URLS", addresses),
        _setting("Hour of daily digests", "DIGEST_HOUR", f"{settings.DIGEST_HOUR}:00"),
        _setting("Time zone", "DIGEST_TIME_ZONE", settings.DIGEST_TIME_ZONE),
        _setting("Secret of webhooks", "WEBHOOK_SECRET", "set", default="derived from SECRET_KEY"),
    ]


def _monitoring() -> list[Setting]:
    return [
        _setting("Log lines", "LOG_FORMAT", settings.LOG_FORMAT),
        _setting("Error reports", "SENTRY_DSN", urlsplit(settings.SENTRY_DSN).hostname or ""),
    ]


def _processes() -> list[Setting]:
    return [
        _setting("Processes of the web server", "WEB_PROCESSES", settings.WEB_PROCESSES),
        _setting("Threads of each", "WEB_THREADS", settings.WEB_THREADS),
        _setting("Processes of the worker", "WORKER_PROCESSES", settings.WORKER_PROCESSES),
    ]


def _storage() -> list[Setting]:
    broker = next((name for name in ("REDIS_URL", "CELERY_BROKER_REDIS_URL", "REDIS_HOST") if _is_set(name)), "")
    return [
        _setting("Database", "DATABASE_URL", _database()),
        _setting("State folder", "STATE_DIR", settings.STATE_DIR),
        _setting("Broker", broker or "REDIS_URL", _host(settings.REDIS_URL), default="a Valkey server of its own"),
        _setting("Videos are kept", "KEEP_VIDEOS", _days(settings.KEEP_VIDEOS)),
        _setting("Fetch logs are kept", "KEEP_LOGS", _days(settings.KEEP_LOGS)),
        _setting("Secret key", "SECRET_KEY", "set", default="created at the first start, in the state folder"),
    ]


def _setting(label: str, variable: str, value: Any, *, default: str = "") -> Setting:
    """Return a setting; `default` is what is shown if the variable is not set, instead of `value`."""
    source = "demo" if settings.DEMO and variable in _OF_DEMO else settings.SETTING_SOURCES.get(variable, "default")
    if default and not _is_set(variable):
        value = default
    values = value if isinstance(value, list) else [value] if value != "" else []
    return Setting(label, variable, [str(value) for value in values], source)


def _days(days: int | None) -> str:
    return f"{days} days" if days else "forever"


def _is_set(variable: str) -> bool:
    return settings.SETTING_SOURCES.get(variable, "default") != "default"


def _per_project(limits: dict[str, int]) -> list[str]:
    return [f"{project}: {limit:,}" if project else f"{limit:,}" for project, limit in limits.items()]


def _host(url: str) -> str:
    """Return the host of a server's address, which may contain a password, or that it is a socket."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return "a local socket" if "socket" in parts.scheme else f"{host}:{parts.port or 6379}"


def _database() -> list[str]:
    """Return the kind and size of the database, and where it is."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        size = 0
        for file in (given["NAME"], f"{given['NAME']}-wal"):
            with suppress(OSError):  # one in memory, as of tests
                size += os.stat(file).st_size
        return [f"SQLite, {filesizeformat(size)}", str(given["NAME"])]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size = cursor.fetchone()[0]
    return [f"PostgreSQL, {filesizeformat(size)}", f"{given['NAME']} on {given['HOST'] or 'this machine'}"]
