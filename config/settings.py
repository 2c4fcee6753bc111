"""Django's settings for Windhover. Every variable read here is described in example.env."""

import os
import re
import secrets
import tempfile
import tomllib
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import dj_database_url
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from config import environment as env
from config.error_reports import report_errors
from core.found_video import IMAGES
from core.proxies import is_loopback

BASE_DIR = env.BASE_DIR
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

# --- Sources: where videos come from -------------------------------------------------------------

YT_KEYS = env.youtube_keys("YT_KEYS")
YOUTUBE_API_URL = env.web_address("YOUTUBE_API_URL", "https://youtube.googleapis.com")
INVIDIOUS_URL = env.web_address("INVIDIOUS_URL")
YT_SEARCHES_PER_DAY = env.per_project("YT_SEARCHES_PER_DAY", 100)
YT_UNITS_PER_DAY = env.per_project("YT_UNITS_PER_DAY", 10_000)

# The default interval in seconds of a keyword without its own; None = automatic.
FETCH_INTERVAL = env.seconds_or_auto("FETCH_INTERVAL", maximum=30 * 86_400)

# Whether one search may be for several keywords.
SHARE_SEARCHES = env.choice("SHARE_SEARCHES", "auto", ("auto", "off")) == "auto"

# How many days fetch logs and videos are kept; None = forever.
KEEP_LOGS = env.days_or_forever("KEEP_LOGS", "90", minimum=2)
KEEP_VIDEOS = env.days_or_forever("KEEP_VIDEOS", "forever", minimum=30)

# --- Where Windhover listens and keeps its state -------------------------------------------------

HOST = env.host("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65_534)
STATE_DIR = env.path("STATE_DIR", BASE_DIR / "var")
NOTIFY_URLS = env.text("NOTIFY_URLS")

# When daily digests of new videos are sent; the dates in notifications are in this time zone, too.
DIGEST_HOUR = env.integer("DIGEST_HOUR", 8, minimum=0, maximum=23)
DIGEST_TIME_ZONE = env.time_zone("DIGEST_TIME_ZONE", "UTC")

# How many processes and threads serve pages and fetch at the same time (docs/scaling.md).
WEB_PROCESSES = env.integer("WEB_PROCESSES", 2, minimum=1, maximum=64)
WEB_THREADS = env.integer("WEB_THREADS", 4, minimum=1, maximum=64)
WORKER_PROCESSES = env.integer("WORKER_PROCESSES", 3, minimum=1, maximum=64)

# Without a source Windhover runs the demo: against its own simulator, in a separate database.
DEMO = not YT_KEYS and not INVIDIOUS_URL
SIMULATOR_PORT = PORT + 1
if DEMO:
    YT_KEYS = [("demo", "demo-key")]
    YOUTUBE_API_URL = env.web_address("SIMULATOR_URL", f"http://127.0.0.1:{SIMULATOR_PORT}")
    YT_SEARCHES_PER_DAY = YT_UNITS_PER_DAY = {"": 100_000}
    FETCH_INTERVAL = FETCH_INTERVAL or 15
for _source in filter(None, (YOUTUBE_API_URL, INVIDIOUS_URL)):
    env.check_proxy(_source)

# The public address behind a reverse proxy, and the proxies whose headers are used (config.proxied).
PUBLIC_URL = env.public_address("PUBLIC_URL")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "127.0.0.0/8, ::1")
_public = urlsplit(PUBLIC_URL)
_public_origins = [f"{_public.scheme}://{_public.netloc}"] if PUBLIC_URL else []
_public_hosts = [_public.netloc.removesuffix(f":{_public.port}")] if PUBLIC_URL else []

# The HTTP library would send what ~/.netrc has for a host, or for all, to the addresses that accounts choose.
os.environ.setdefault("NETRC", os.devnull)

DEBUG = env.boolean("DEBUG", False)
DEFAULT_EXCEPTION_REPORTER = "config.debug_page.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.debug_page.ExceptionFilter"
_hosts = env.host_names("ALLOWED_HOSTS")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *_public_hosts, *_hosts]
# Behind a proxy that terminates TLS the browser's origin is https while Django may see http.
CSRF_TRUSTED_ORIGINS = [
    *_public_origins,
    *(f"https://{'*' if host.startswith('.') else ''}{host}" for host in _hosts if host != "*"),
]

# Who must sign in: no one ("off"), people who change something ("write"), or also those who read ("all").
# A name by which others reach a proxy on this machine makes it as public as an address that others reach.
_private = all(is_loopback(host.strip("[]")) for host in (HOST, *ALLOWED_HOSTS))
SIGN_IN = env.choice("SIGN_IN", "off" if _private else "write", ("off", "write", "all"))
if SIGN_IN == "off" and not is_loopback(HOST):
    raise ImproperlyConfigured(f"SIGN_IN=off would let anyone who reaches {HOST} change things; use write or all.")
if SIGN_IN == "off" and "*" in ALLOWED_HOSTS:
    # A page of another site can give its own host name this machine's address (DNS rebinding).
    raise ImproperlyConfigured("ALLOWED_HOSTS=* with SIGN_IN=off would let any website change things; name the hosts.")
if DEBUG and (others := [host for host in (HOST, *ALLOWED_HOSTS) if not is_loopback(host.strip("[]"))]):
    raise ImproperlyConfigured(f"DEBUG=True would show internals to all who reach {others[0]}; use localhost only.")


def _secret_key() -> str:
    """Return SECRET_KEY, or the key in the state folder, which the first start creates."""
    if value := env.text("SECRET_KEY"):
        return value
    file = STATE_DIR / "secret_key"
    try:
        if file.exists() and _is_damaged(file):
            file.unlink()
        if not file.exists():
            STATE_DIR.mkdir(parents=True, exist_ok=True)
            # Linked into place when complete, because other processes may start at the same time.
            with tempfile.NamedTemporaryFile("w", dir=STATE_DIR) as draft:
                draft.write(secrets.token_urlsafe(50))
                draft.flush()
                os.fsync(draft.fileno())
                with suppress(FileExistsError):
                    os.link(draft.name, file)
        return file.read_text()
    except OSError as error:
        raise ImproperlyConfigured(f"STATE_DIR: {STATE_DIR} cannot be written ({error.strerror}).") from error


def _is_damaged(file: Path) -> bool:
    """Return whether the file has no key in it: after a power cut it may be empty, or have zeros, which all know."""
    try:
        key = file.read_text()
    except UnicodeDecodeError:
        return True
    return not key.strip() or "\0" in key


SECRET_KEY = _secret_key()
# What is sent to webhooks is signed with it. Their receivers know it, but must not know SECRET_KEY.
WEBHOOK_SECRET = env.text("WEBHOOK_SECRET") or sha256(f"webhooks {SECRET_KEY}".encode()).hexdigest()

# Browsers send cookies to all ports of a host: each instance needs names of its own, or signing in to one would sign
# out of another. Processes with the same key, on any machine, share their sessions.
_instance = sha256(SECRET_KEY.encode()).hexdigest()[:8]
SESSION_COOKIE_NAME = f"session_{_instance}"
CSRF_COOKIE_NAME = f"csrf_{_instance}"
MESSAGES_COOKIE_NAME = f"messages_{_instance}"
VISIT_COOKIE_NAME = f"visit_{_instance}"
THEME_COOKIE_NAME = f"theme_{_instance}"
THUMBNAILS_COOKIE_NAME = f"thumbnails_{_instance}"
MESSAGE_STORAGE = "apps.dashboard.message_cookie.MessageCookie"

# How long browsers use nothing but HTTPS for this host name, in seconds. Not by default if the public address has a
# port: it would apply to other servers on the same host, too.
_https_alone = _public.scheme == "https" and not _public.port
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 30 * 86_400 if _https_alone else 0, minimum=0, maximum=63_072_000)
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains, and
    "security.W021",  # for browsers' lists: other hosts of the domain may have no HTTPS
    "security.W008",  # the reverse proxy redirects from HTTP; health checks on this machine need none
    "security.W012",  # config.proxied.CookiesMiddleware keeps all cookies of HTTPS requests to HTTPS,
    "security.W016",  # and lets people on this machine sign in without
]

# --- Applications --------------------------------------------------------------------------------

INSTALLED_APPS = [
    "apps.dashboard",  # before the admin, some of whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "corsheaders",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_htmx",
    "csp",
    "config.backups",
    "apps.incidents",
    "apps.quota",
    "apps.videos",
]

MIDDLEWARE = [
    "apps.videos.errors.ProblemsMiddleware",
    "config.requests.TextMiddleware",
    "config.proxied.CookiesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.compression.CompressionMiddleware",  # after static files, which are compressed already
    "django.middleware.http.ConditionalGetMiddleware",
    "apps.dashboard.appearance.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.dashboard.sign_in.LimitMiddleware",
    "config.requests.AdminFiltersMiddleware",
]
if SIGN_IN == "all":
    MIDDLEWARE.insert(-1, "django.contrib.auth.middleware.LoginRequiredMiddleware")

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "home"

_CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "apps.dashboard.context.every_page",
]
# Jinja2 for the dashboard; Django's templates for the admin and the documentation of the API.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": True,
        "OPTIONS": {
            "environment": "apps.dashboard.jinja_environment.environment",
            "context_processors": _CONTEXT_PROCESSORS,
        },
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": _CONTEXT_PROCESSORS},
    },
]

# In files, which all processes of web share. It holds failed sign-ins, and changes of many keywords to undo.
CACHES = {
    "default": {
        "BACKEND": "config.caching.FileCache",
        "LOCATION": STATE_DIR / "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    # Of one process: it works even while the disk is full.
    "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "throttles": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "throttles",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
SIGN_IN_LOCKOUT = 600  # seconds, after ten failures from one address

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Database ------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# How long a query waits for a lock. Then it fails: a page is a 503, a fetch fails, a chore is left to its next run.
LOCK_SECONDS = 20

# libpq waits for hours, or for ever, for a server that has disappeared without a word: its machine lost power, or a
# firewall forgot the connection. These notice it within a minute. Seconds, `tcp_user_timeout` in milliseconds.
POSTGRESQL_TIMEOUTS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    # As long as SQLite's writers wait, so that a forgotten transaction elsewhere stops no thread for ever; and one of
    # ours does not last longer. Migrations wait longer (config.prepare).
    "options": f"-c lock_timeout={LOCK_SECONDS}s -c idle_in_transaction_session_timeout=5min",
}


def database_at(url: str) -> dict[str, Any]:
    """Return the database at `url`, the value of DATABASE_URL; without one, SQLite in the state folder.

    No message repeats the URL, which may contain a password.
    """
    # The demo's videos are invented and are never stored together with real ones.
    own = STATE_DIR / ("demo.sqlite3" if DEMO else "windhover.sqlite3")
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(url or "sqlite://"))
        if not database["HOST"].startswith("/"):  # a folder with a socket
            database["HOST"].encode("idna")  # as the driver does
    except (ValueError, KeyError):
        raise ImproperlyConfigured("DATABASE_URL is not a supported database URL.") from None
    if not url:
        database["NAME"] = str(own)  # not by its URL, in which some characters mean something else
    sqlite = database["ENGINE"] == "django.db.backends.sqlite3"
    if not sqlite and database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///.")
    if database["NAME"] in ("", ":memory:"):
        raise ImproperlyConfigured("DATABASE_URL must name a database: postgres://host/name or sqlite:////path/file.")
    if sqlite:
        file = BASE_DIR / os.path.expanduser(database["NAME"])
        if url and (file.is_dir() or not file.parent.is_dir()):
            raise ImproperlyConfigured("DATABASE_URL must name a file in a folder that exists.")
        database["NAME"] = str(file)
        # IMMEDIATE takes the write lock at BEGIN, where SQLite waits for it. A transaction that begins by reading
        # would instead fail at its first write with "database is locked". Changed pages are moved from the log to the
        # file each 16 MB, not each 4: a search's new videos touch about 2 MB, mostly the same pages of the indexes.
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": LOCK_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;",
        }
    else:
        given = database.get("OPTIONS", {})
        # The last one counts, if the address says the same.
        options = f"{POSTGRESQL_TIMEOUTS['options']} {given.get('options', '')}".strip()
        database["OPTIONS"] = POSTGRESQL_TIMEOUTS | given | {"options": options}
    database["CONN_MAX_AGE"] = 60
    database["CONN_HEALTH_CHECKS"] = True
    return database


DATABASES = {"default": database_at("" if DEMO else env.text("DATABASE_URL"))}

# --- Celery --------------------------------------------------------------------------------------


def broker_socket() -> Path:
    """Return the path of the socket of bin/run's own broker, which only this user can open."""
    path = STATE_DIR / "broker.sock"
    if len(os.fsencode(path)) < 100:  # the kernel's limit for a socket's path is 108 bytes
        return path
    name = sha256(str(STATE_DIR).encode()).hexdigest()[:16]
    # Not TMPDIR, which may differ in another terminal. bin/run makes sure that the folder belongs to this user only.
    return Path("/tmp") / f"windhover-{os.getuid()}-{name}" / "broker.sock"  # noqa: S108


# Empty if bin/run runs a broker of its own.
REDIS_URL = env.redis_url("REDIS_URL") or env.redis_url("CELERY_BROKER_REDIS_URL") or env.redis_host("REDIS_HOST")
CELERY_BROKER_URL = REDIS_URL or f"redis+socket://{quote(str(broker_socket()))}"
# Results are not used: what a fetch did is in its VideoLog.
CELERY_RESULT_BACKEND = env.redis_url("CELERY_RESULT_BACKEND_REDIS_URL") or None
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None  # so beat has no task that cleans them up

CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 3,
    "socket_timeout": 5,
    "visibility_timeout": 900,
    # For sending: one attempt, without waiting. A worker that has lost the broker keeps trying to reconnect.
    "max_retries": 1,
    "interval_start": 0,
}
# An unavailable broker must not delay a page: the chore enqueues later what could not be sent.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
# Longer than the longest fetch (apps.quota.youtube.WORK_SECONDS).
CELERY_TASK_SOFT_TIME_LIMIT = 115
CELERY_TASK_TIME_LIMIT = 120

CELERY_BEAT_SCHEDULER = "apps.videos.scheduling.scheduler:Scheduler"
# Messages do not expire: the clocks of sender and worker may differ. A message that comes late does no harm.
CELERY_BEAT_SCHEDULE = {
    "chore-catch-up": {"task": "apps.videos.tasks.catch_up", "schedule": 30},
    "chore-erase-deleted": {"task": "apps.videos.tasks.erase_deleted", "schedule": 60},
    "chore-notify-admin": {"task": "apps.incidents.tasks.notify_admin", "schedule": 60},
    "chore-notify-of-videos": {"task": "apps.videos.tasks.notify_of_videos", "schedule": 60},
    "chore-complete-videos": {"task": "apps.videos.tasks.complete_videos", "schedule": 600},
    "chore-apply-rules": {"task": "apps.videos.tasks.apply_rules", "schedule": 60},
    "chore-attribute-matches": {"task": "apps.videos.tasks.attribute_matches", "schedule": 600},
    "chore-prune-logs": {"task": "apps.videos.tasks.prune_logs", "schedule": 3600},
    "chore-prune-videos": {"task": "apps.videos.tasks.prune_videos", "schedule": 3600},
    "chore-notice-silence": {"task": "apps.videos.tasks.notice_silence", "schedule": 1800},
    "chore-refresh-videos": {"task": "apps.videos.tasks.refresh_videos", "schedule": 600},
    "chore-clear-sessions": {"task": "apps.dashboard.tasks.clear_sessions", "schedule": crontab(hour=3, minute=47)},
    "chore-verify-counts": {"task": "apps.videos.tasks.verify_counts", "schedule": crontab(hour=3, minute=17)},
    "chore-sync-schedules": {"task": "apps.videos.tasks.sync_schedules", "schedule": crontab(minute="*/10")},
}

# --- REST API ------------------------------------------------------------------------------------

# Pages of these origins may read through their visitors' browsers, and change things with a token, never with cookies.
CORS_ALLOWED_ORIGINS = env.origins("CORS_ORIGINS")
CORS_URLS_REGEX = r"^/(api|ping)(/|$)"
CORS_ALLOW_HEADERS = ["authorization", "content-type", "if-modified-since", "if-none-match"]
CORS_EXPOSE_HEADERS = ["Content-Disposition", "ETag", "Retry-After", "X-Total-Count"]
if CORS_ALLOWED_ORIGINS:
    MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["apps.videos.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "apps.videos.renderers.Negotiation",
    "DEFAULT_METADATA_CLASS": "apps.videos.renderers.NoMetadata",
    # JSON only: a form on another site's page cannot send it without a preflight request.
    "DEFAULT_PARSER_CLASSES": ["apps.videos.errors.BoundedJSONParser"],
    "EXCEPTION_HANDLER": "apps.videos.errors.handle",
    "NON_FIELD_ERRORS_KEY": "body",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.videos.access.LoggedTokens",  # first: it sets the header of a 401
        "apps.videos.access.Sessions",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.videos.access.SameSite", "apps.videos.access.SignIn"],
    "DEFAULT_THROTTLE_CLASSES": ["apps.videos.throttles.AnonymousReads", "apps.videos.throttles.Writes"],
    "NUM_PROXIES": 0,  # config.proxied has corrected the client's address
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

KNOX_TOKEN_MODEL = "videos.ApiToken"  # noqa: S105  # no password
REST_KNOX = {"TOKEN_PREFIX": "wh_", "TOKEN_TTL": None}
MIGRATION_MODULES = {"knox": None}  # it would create a table of its own, which nothing uses

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "Windhover",
    "DESCRIPTION": "Watches keywords on YouTube: the keywords, the videos found, the fetch log and the quota.",
    "VERSION": VERSION,
    "SERVERS": [{"url": _public.path}] if _public.path else [],
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "KeywordStateEnum": [("watched", "watched"), ("paused", "paused"), ("previewed", "previewed")],
        "ChosenStateEnum": [("watched", "watched"), ("paused", "paused")],
    },
    "SCHEMA_PATH_PREFIX": "/api",  # what follows groups the endpoints
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "apps.videos.schema.complete"],
    "SERVE_PERMISSIONS": ["apps.videos.access.SignIn"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Pages ---------------------------------------------------------------------------------------

# Thumbnails come from YouTube, or from the server that replaces it; others are not stored. In the demo, containers
# reach the simulator by another name than the browser does.
THUMBNAIL_ORIGINS = [
    IMAGES,
    "{0.scheme}://{0.netloc}".format(urlsplit(YOUTUBE_API_URL)),
    *([f"http://127.0.0.1:{SIMULATOR_PORT}", *_public_origins] if DEMO else []),
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "img-src": ["'self'", *THUMBNAIL_ORIGINS],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# Where each variable has its value from, for the page of settings.
SETTING_SOURCES = env.sources

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True

STATIC_URL = f"{_public.path}/static/"
WHITENOISE_STATIC_PREFIX = "/static/"  # in the path after SCRIPT_NAME
STATIC_ROOT = STATE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Logs ----------------------------------------------------------------------------------------

SENTRY_DSN = env.sentry_dsn("SENTRY_DSN")
LOG_FORMAT = env.choice("LOG_FORMAT", "plain", ("plain", "json"))

# Hidden in logs and reports of errors.
SECRETS = [*(key for _, key in YT_KEYS), *re.split(r"[\s,]+", NOTIFY_URLS), SECRET_KEY, WEBHOOK_SECRET]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "core.redaction.RedactingFormatter",
            "format": "{asctime} {levelname} {name} {fetch}{message}",
            "style": "{",
            "secrets": SECRETS,
        },
        "json": {"()": "core.json_lines.JSONFormatter", "secrets": SECRETS},
    },
    "filters": {
        "fetch": {"()": "core.log_lines.FetchFilter"},
        "refused": {"()": "core.log_lines.RefusedFilter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["fetch", "refused"]}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Two lines for each task; the fetch's own line says more.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        # A warning for each request that waits for a thread.
        "waitress.queue": {"level": "ERROR"},
        # The library logs URLs, which contain the key.
        "googleapiclient": {"level": "ERROR"},
        # So does this one, with the passwords in NOTIFY_URLS; apps.incidents.notify logs failures itself.
        "apprise": {"level": "CRITICAL"},
    },
}

if SENTRY_DSN:
    report_errors(SENTRY_DSN, VERSION, SECRETS)
