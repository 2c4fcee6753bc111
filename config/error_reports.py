"""Report errors to Sentry, or to a server that takes the same reports, if SENTRY_DSN is set."""

from collections.abc import Iterable
from typing import Any

from core.proxies import proxy_for
from core.redaction import long_enough, redact


def report_errors(dsn: str, release: str, secrets: Iterable[str]) -> None:
    """Report what this process, and those forked from it, log as an error, without `secrets`.

    A page or task that fails logs an error. So none of the library's hooks into requests and tasks is needed, and a
    report has the log lines before it and the traceback, but no body, cookie, header, address or variable.
    """
    # Imported here: nothing of it is loaded unless it is used.
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.transport import HttpTransport

    class Transport(HttpTransport):
        """Send reports to the configured host only: the library would follow redirects to others."""

        def _request(self, method: str, endpoint_type: Any, body: Any, headers: Any) -> Any:
            url = self._auth.get_api_url(endpoint_type)
            return self._pool.request(method, url, body=body, headers=headers, redirect=False)

    hidden = long_enough(secrets)
    proxy = proxy_for(dsn) or ""  # empty means none: the library must not read the environment itself
    sentry_sdk.init(
        dsn,
        release=release,
        transport=Transport,
        default_integrations=False,
        integrations=[LoggingIntegration(), ExcepthookIntegration(), DedupeIntegration(), AtexitIntegration()],
        before_send=lambda event, hint: None if _is_repeated(hint) else _redacted(event, hidden),
        send_default_pii=False,
        include_local_variables=False,
        auto_session_tracking=False,
        send_client_reports=False,
        http_proxy=proxy,
        https_proxy=proxy,
    )


def _is_repeated(hint: dict[str, Any]) -> bool:
    """Return whether Django says that a response was a 5xx, after the error behind it has been logged."""
    record = hint.get("log_record")
    return record is not None and record.name == "django.request" and not record.exc_info


def _redacted(value: Any, secrets: Iterable[str]) -> Any:
    """Return `value`, of strings, dictionaries and lists, with secrets hidden in all strings."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {name: _redacted(each, secrets) for name, each in value.items()}
    return [_redacted(each, secrets) for each in value] if isinstance(value, list | tuple) else value
