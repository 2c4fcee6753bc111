"""The bodies of YouTube's error responses, as observed by its clients.

The form is Google's: `{"error": {"code", "message", "errors": [{"message", "domain", "reason", ...}],
"status"?, "details"?}}`. Reasons of the domain `youtube.*` have neither `status` nor `details`. The
names in `details` are those of google/api/error_reason.proto.
"""

from datetime import datetime
from typing import Any

from simulator.exchange import Refusal
from simulator.projects import Bucket, Key, Project, quota_day_began

_SERVICE = "youtube.googleapis.com"
_STATUS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def missing_key() -> Refusal:
    """Refuse a request without a key."""
    return _google(
        403,
        "forbidden",
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def unknown_key() -> Refusal:
    """Refuse a key that does not exist."""
    message = "API key not valid. Please pass a valid API key."
    refusal = _google(400, "badRequest", message, "API_KEY_INVALID", {"service": _SERVICE})
    refusal.body["error"]["details"].append(
        {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message}
    )
    return refusal


def bad_key(project: Project, key: Key, method: str, caller: str) -> Refusal:
    """Refuse a key because of its state. `method` is Google's name of the call, `caller` an address."""
    about = {"service": _SERVICE, "consumer": f"projects/{project.number}"}
    match key.state:
        case "expired":
            message = "API key expired. Please renew the API key."
            return _google(400, "badRequest", message, "API_KEY_INVALID", {"service": _SERVICE})
        case "service_blocked":
            message = f"Requests to this API youtube method {method} are blocked."
            return _google(403, "forbidden", message, "API_KEY_SERVICE_BLOCKED", about)
        case "ip_blocked":
            message = (
                "The provided API key has an IP address restriction. "
                f"The originating IP address of the call ({caller}) violates this restriction."
            )
            return _google(403, "forbidden", message, "API_KEY_IP_ADDRESS_BLOCKED", {"callerIp": caller, **about})
        case "not_enabled":
            return _not_enabled(project, about)
        case "suspended":
            # Google includes the key here: a client that stores the message stores the key.
            holder = f"api_key:{key.key}"
            message = f"Permission denied: Consumer '{holder}' has been suspended."
            return _google(403, "forbidden", message, "CONSUMER_SUSPENDED", {"containerInfo": holder, **about})
        case _:
            return unknown_key()


def quota_exhausted(project: Project, bucket: Bucket, now: datetime) -> Refusal:
    """Refuse a call because the daily quota is used up: 429 for searches, 403 for other calls."""
    if bucket == "general":
        return _youtube(
            403,
            "quotaExceeded",
            "youtube.quota",
            "The request cannot be completed because you have exceeded your "
            '<a href="/youtube/v3/getting-started#quota">quota</a>.',
        )
    return _google(
        429,
        "rateLimitExceeded",
        "Quota exceeded for quota metric 'Search Queries' and limit 'Search Queries per day' of service "
        f"'{_SERVICE}' for consumer 'project_number:{project.number}'.",
        "RATE_LIMIT_EXCEEDED",
        {
            "quota_location": "global",
            "window_start_time": str(quota_day_began(now)),
            "quota_limit": "defaultSearchListPerDayPerProject",
            "consumer": f"projects/{project.number}",
            "quota_unit": "1/d/{project}",
            "service": _SERVICE,
            "quota_metric": f"{_SERVICE}/search_list",
            "quota_limit_value": str(project.limits["search"]),
        },
    )


def bad_timestamp(parameter: str) -> Refusal:
    """Refuse a date that is not RFC 3339 with a time zone; `parameter` in snake case, as Google reports it."""
    return _google(
        400,
        "badRequest",
        f"Invalid value at '{parameter}' (type.googleapis.com/google.protobuf.Timestamp), "
        f"Field '{parameter}', Illegal timestamp format; "
        "timestamps must end with 'Z' or have a valid timezone offset.",
    )


def bad_argument() -> Refusal:
    """Refuse an invalid value, without naming it."""
    return _google(400, "badRequest", "Request contains an invalid argument.")


def bad_query() -> Refusal:
    """Refuse the text that is searched for."""
    return _youtube(400, "invalidParameter", "youtube.parameter", "Invalid value for parameter 'q'.", "q", "parameter")


def not_found() -> Refusal:
    """Return what searches got from an API server that was being replaced."""
    return _google(404, "notFound", "Requested entity was not found.")


def unknown_parameter(name: str) -> Refusal:
    """Refuse an unknown query parameter."""
    message = f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
    return _google(400, "badRequest", message)


def bad_page_token() -> Refusal:
    """Refuse an invalid page token."""
    message = "The request specifies an invalid page token."
    return _youtube(400, "invalidPageToken", "youtube.parameter", message, "pageToken", "parameter")


def missing_part() -> Refusal:
    """Refuse a request without `part`."""
    return _youtube(400, "required", "global", "Required parameter: part", "part", "parameter")


def out_of_range(name: str, value: str, low: int, high: int) -> Refusal:
    """Refuse a value that is not a number within its range."""
    message = f"Invalid value '{value}'. Values must be within the range: [{low}, {high}]"
    return _youtube(400, "invalidParameter", "global", message, name, "parameter")


def bad_search_filter() -> Refusal:
    """Refuse a filter that requires `type=video`."""
    message = "The request contains an invalid combination of search filters and/or restrictions."
    return _youtube(400, "invalidSearchFilter", "youtube.search", message, "parameters.", "other")


def no_filter(expected: str) -> Refusal:
    """Refuse a list without a filter parameter."""
    message = f"No filter selected. Expected one of: {expected}"
    return _youtube(400, "missingRequiredParameter", "youtube.parameter", message, "", "parameter")


def no_such_playlist() -> Refusal:
    """Refuse the items of a playlist that does not exist."""
    message = "The playlist identified with the request's playlistId parameter cannot be found."
    return _youtube(404, "playlistNotFound", "youtube.playlistItem", message, "playlistId", "parameter")


def per_minute_quota_exhausted() -> Refusal:
    """Refuse a call because of the limit per minute: a 429 as for the daily limit, with another name of the limit."""
    return _google(
        429,
        "rateLimitExceeded",
        "Quota exceeded for quota metric 'Search Queries' and limit 'Search Queries per minute' of service "
        f"'{_SERVICE}' for consumer 'project_number:100000000000'.",
        "RATE_LIMIT_EXCEEDED",
        {
            "quota_location": "global",
            "quota_limit": "defaultSearchListPerMinutePerProject",
            "consumer": "projects/100000000000",
            "quota_unit": "1/min/{project}",
            "service": _SERVICE,
            "quota_metric": f"{_SERVICE}/search_list",
            "quota_limit_value": "60",
        },
    )


def rate_exceeded() -> Refusal:
    """Refuse a call because of the request rate, with the body used before 2020."""
    return _youtube(403, "rateLimitExceeded", "usageLimits", "Rate Limit Exceeded")


def no_permission() -> Refusal:
    """Refuse a call without a useful reason, as observed by one client."""
    refusal = _google(403, "SERVICE_UNAVAILABLE", "The caller does not have permission")
    refusal.body["error"]["errors"][0] |= {"message": "Permission denied.", "domain": "youtube.CoreErrorDomain"}
    return refusal


def server_error(status: int) -> Refusal:
    """Return the body of a server error, 500 or 503."""
    message = "Internal error encountered." if status == 500 else "The service is currently unavailable."
    return _google(status, "backendError", message)


def _not_enabled(project: Project, about: dict[str, str]) -> Refusal:
    page = f"https://console.developers.google.com/apis/api/{_SERVICE}/overview?project={project.number}"
    message = (
        f"YouTube Data API v3 has not been used in project {project.number} before or it is disabled. "
        f"Enable it by visiting {page} then retry. If you enabled this API recently, wait a few minutes "
        "for the action to propagate to our systems and retry."
    )
    refusal = _google(403, "accessNotConfigured", message, "SERVICE_DISABLED", about)
    refusal.body["error"]["errors"][0] |= {"domain": "usageLimits", "extendedHelp": page}
    return refusal


def _google(status: int, reason: str, message: str, info: str = "", metadata: dict[str, str] | None = None) -> Refusal:
    error: dict[str, Any] = {
        "code": status,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": reason}],
        "status": _STATUS[status],
    }
    if info:
        error["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": info,
                "domain": "googleapis.com",
                "metadata": metadata or {},
            }
        ]
    return Refusal(status, {"error": error})


def _youtube(
    status: int, reason: str, domain: str, message: str, location: str | None = None, kind: str = ""
) -> Refusal:
    error = {"message": message, "domain": domain, "reason": reason}
    if location is not None:
        error |= {"location": location, "locationType": kind}
    return Refusal(status, {"error": {"code": status, "message": message, "errors": [error]}})
