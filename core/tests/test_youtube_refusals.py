"""Error responses of YouTube, over HTTP, and the errors they cause."""

import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.errors import (
    BadPageToken,
    BadQuery,
    BucketExhausted,
    KeyCoolingDown,
    KeyRefused,
    ProjectSuspended,
    RequestRefused,
    SourceBlocked,
    SourceError,
    SourceUnavailable,
)
from core.tests.conftest import DATA, KEY, FakeServer, recording
from core.youtube_api import list_videos, search_videos

PER_DAY = "defaultSearchListPerDayPerProject"


def body(message: str, reason: str = "", info: str = "", **metadata: str) -> dict[str, Any]:
    """Return the body of an error response in Google's form."""
    error: dict[str, Any] = {"message": message, "errors": [{"message": message, "domain": "x", "reason": reason}]}
    if info:
        type_name = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": type_name, "reason": info, "metadata": metadata}]
    return {"error": error}


def search(server: FakeServer) -> SourceError:
    with pytest.raises(SourceError) as caught:
        search_videos(KEY, "kestrel", endpoint=server.url)
    return caught.value


def list_(server: FakeServer) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list_videos(KEY, ["abcdefghijk"], endpoint=server.url)
    return caught.value


def test_it_works(fake_server: FakeServer) -> None:
    message = "Quota exceeded for quota metric 'Search Queries' and limit 'Search Queries per day' of service 'y'."
    metadata = {"quota_limit": PER_DAY, "consumer": "projects/994147049083"}
    fake_server.respond(body(message, "rateLimitExceeded", "RATE_LIMIT_EXCEEDED", **metadata), 429)
    error = search(fake_server)
    assert type(error) is BucketExhausted
    assert (error.bucket, error.consumer, error.http_status) == ("search", "projects/994147049083", 429)
    assert len(fake_server.asked) == 1, "a search that is refused is not repeated: it would cost another"


@pytest.mark.parametrize(
    ("status", "message", "reason", "info", "metadata", "bucket"),
    [
        (429, "Slow down", "rateLimitExceeded", "RATE_LIMIT_EXCEEDED", {"quota_limit": PER_DAY}, "search"),
        (429, "Limit 'Search Queries per day'", "rateLimitExceeded", "", {}, "search"),
        (429, "Limit 'Queries Per Day'", "rateLimitExceeded", "", {}, "general"),
        (429, "", "", "RATE_LIMIT_EXCEEDED", {"quota_limit": "defaultPerDayPerProject"}, "general"),
        (403, "You have exceeded your <a>quota</a>.", "quotaExceeded", "", {}, "general"),
        (403, "Daily Limit Exceeded.", "dailyLimitExceeded", "", {}, "general"),
    ],
)
def test_it_handles_an_empty_bucket(
    fake_server: FakeServer, status: int, message: str, reason: str, info: str, metadata: dict[str, str], bucket: str
) -> None:
    fake_server.respond(body(message, reason, info, **metadata), status)
    for ask in (search, list_):
        error = ask(fake_server)
        assert type(error) is BucketExhausted
        assert (error.bucket, error.http_status, error.consumer) == (bucket, status, "")


@pytest.mark.parametrize(
    ("status", "message", "reason", "info", "metadata"),
    [
        (429, "Slow", "rateLimitExceeded", "RATE_LIMIT_EXCEEDED", {"quota_limit": "SearchListPerMinutePerProject"}),
        (429, "Quota exceeded for limit 'Queries per minute'", "rateLimitExceeded", "", {}),
        (429, "", "", "", {}),
        (403, "Rate Limit Exceeded", "rateLimitExceeded", "", {}),
        (403, "User Rate Limit Exceeded", "userRateLimitExceeded", "", {}),
    ],
)
def test_it_handles_a_burst(
    fake_server: FakeServer, status: int, message: str, reason: str, info: str, metadata: dict[str, str]
) -> None:
    fake_server.respond(body(message, reason, info, **metadata), status)
    error = search(fake_server)
    assert type(error) is SourceUnavailable
    assert error.http_status == status


@pytest.mark.parametrize(
    ("status", "message", "reason", "info", "expected"),
    [
        (400, "API key not valid. Please pass a valid API key.", "badRequest", "API_KEY_INVALID", "API_KEY_INVALID"),
        (400, "API key expired. Please renew the API key.", "badRequest", "API_KEY_INVALID", "API_KEY_INVALID"),
        (400, "API key expired. Please renew the API key.", "badRequest", "", "badRequest"),
        (400, "Bad Request", "keyInvalid", "", "keyInvalid"),
        (400, "Bad Request", "keyExpired", "", "keyExpired"),
        (403, "Requests are blocked.", "forbidden", "API_KEY_SERVICE_BLOCKED", "API_KEY_SERVICE_BLOCKED"),
        (403, "IP restriction", "forbidden", "API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"),
        (403, "Referrer restriction", "forbidden", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED"),
        (403, "Not allowed", "ipRefererBlocked", "", "ipRefererBlocked"),
        (403, "It doesn't allow unregistered callers. Please use API Key.", "forbidden", "", "missing"),
    ],
)
def test_it_handles_a_refused_key(
    fake_server: FakeServer, status: int, message: str, reason: str, info: str, expected: str
) -> None:
    fake_server.respond(body(message, reason, info), status)
    error = search(fake_server)
    assert type(error) is KeyRefused
    assert (error.reason, error.http_status) == (expected, status)


@pytest.mark.parametrize(
    ("status", "reason", "info"),
    [
        (403, "forbidden", "CONSUMER_SUSPENDED"),
        (403, "forbidden", "CONSUMER_INVALID"),
        (403, "forbidden", "BILLING_DISABLED"),
        (400, "badRequest", "PROJECT_INVALID"),
    ],
)
def test_it_handles_a_suspended_project(fake_server: FakeServer, status: int, reason: str, info: str) -> None:
    # Google spells out the key in this one.
    consumer = f"api_key:{KEY}"
    fake_server.respond(
        body(f"Consumer '{consumer}' has been suspended.", reason, info, containerInfo=consumer), status
    )
    error = search(fake_server)
    assert type(error) is ProjectSuspended
    assert (error.reason, error.http_status) == (info, status)
    assert str(error) == f"Google has suspended or disabled the key's project ({info})."
    fake_server.respond(body("Suspended.", info), status)
    assert search(fake_server).reason == info, "also where only the old list of errors says it"


@pytest.mark.parametrize(
    ("message", "reason", "location"),
    [
        ("The request contains an invalid combination of search filters.", "invalidSearchFilter", "parameters."),
        ("Invalid value.", "invalidParameter", "q"),
        ("Invalid value at 'q' (TYPE_STRING).", "badRequest", ""),
        ("Invalid value for parameter q.", "invalidParameter", ""),
    ],
)
def test_it_handles_a_bad_query(fake_server: FakeServer, message: str, reason: str, location: str) -> None:
    content = body(message, reason)
    content["error"]["errors"][0]["location"] = location
    fake_server.respond(content, 400)
    error = search(fake_server)
    assert type(error) is BadQuery
    assert error.http_status == 400
    assert reason in str(error)


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "badRequest",
        "invalidFilters",
        "invalidChannelId",
        "invalidRelevanceLanguage",
        "missingRequiredParameter",
        "unexpectedParameter",
        "incompatibleParameters",
    ],
)
@pytest.mark.parametrize("status", [400, 404, 405, 410])
def test_what_does_not_name_the_query_is_the_sources_fault(fake_server: FakeServer, reason: str, status: int) -> None:
    fake_server.respond(body("Request contains an invalid argument, e.g. seq 'quota'.", reason), status)
    error = search(fake_server)
    assert type(error) is RequestRefused
    assert error.http_status == status
    assert reason in str(error)


def test_it_handles_an_expired_page_token(fake_server: FakeServer) -> None:
    fake_server.respond(body("The request specifies an invalid page token.", "invalidPageToken"), 400)
    error = search(fake_server)
    assert type(error) is BadPageToken
    assert not isinstance(error, BadQuery), "the query is fine"
    assert error.http_status == 400


def test_it_handles_something_that_is_gone(fake_server: FakeServer) -> None:
    fake_server.respond(body("Not found.", "notFound"), 404)
    assert type(search(fake_server)) is RequestRefused, "it is not the query that is gone"
    fake_server.respond(body("Not found.", "invalidQuery"), 404)
    assert type(search(fake_server)) is RequestRefused


NOT_FROM_YOUTUBE = [b"<html>Not Found</html>", b"", b"{", [], None, {"error": "not_found"}, {"message": "Not found"}]


@pytest.mark.parametrize("status", [400, 404, 410])
@pytest.mark.parametrize("content", NOT_FROM_YOUTUBE)
def test_it_handles_another_server_at_the_address(fake_server: FakeServer, status: int, content: Any) -> None:
    fake_server.respond(content, status)
    error = search(fake_server)
    assert type(error) is SourceBlocked, "no keyword is to blame"
    assert (error.http_status, error.cooldown) == (status, timedelta(hours=1))


@pytest.mark.parametrize(
    ("status", "expected"), [(407, SourceBlocked), (408, SourceUnavailable), (413, BadQuery), (414, BadQuery)]
)
@pytest.mark.parametrize("content", NOT_FROM_YOUTUBE[:2])
def test_it_handles_a_response_from_a_proxy(
    fake_server: FakeServer, status: int, content: Any, expected: type[SourceError]
) -> None:
    fake_server.respond(content, status)
    error = search(fake_server)
    assert type(error) is expected
    assert error.http_status == status


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "content",
    [
        body("Internal error encountered.", "backendError"),
        body("Internal error encountered.", "internalError"),
        b"<html>Bad Gateway</html>",
    ],
)
def test_it_handles_a_fault_of_google(fake_server: FakeServer, status: int, content: Any) -> None:
    fake_server.respond(content, status)
    error = search(fake_server)
    assert type(error) is SourceUnavailable
    assert error.http_status == status


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("content", [body("Who knows", "somethingNew"), b"", b"<html>Forbidden</html>", [], None])
def test_it_handles_an_unknown_refusal(fake_server: FakeServer, status: int, content: Any) -> None:
    fake_server.respond(content, status)
    error = search(fake_server)
    assert type(error) is KeyCoolingDown
    assert (error.http_status, error.cooldown) == (status, timedelta(minutes=15))


@pytest.mark.parametrize(
    ("reason", "info"),
    [("accessNotConfigured", "SERVICE_DISABLED"), ("accessNotConfigured", ""), ("forbidden", "SERVICE_DISABLED")],
)
def test_it_handles_an_api_that_is_not_enabled(fake_server: FakeServer, reason: str, info: str) -> None:
    fake_server.respond(body("It has not been used in project 1 before. Use your API key later.", reason, info), 403)
    error = search(fake_server)
    assert type(error) is KeyCoolingDown
    assert (error.http_status, error.cooldown) == (403, timedelta(hours=1))


PER_MINUTE = body("Quota exceeded for limit 'Queries per minute'", "rateLimitExceeded")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2),
        (" 7 ", 7),
        ("0", 0),
        ("3600", 60),
        ("9" * 5000, 60),
        ("Sun, 22 Nov 2026 12:00:30 GMT", None),
        ("-1", None),
        ("1.5", None),
        ("\xb2", None),
        ("", None),
    ],
)
def test_it_reads_retry_after(fake_server: FakeServer, header: str, seconds: int | None) -> None:
    fake_server.respond(PER_MINUTE, 429, Retry_After=header)
    error = search(fake_server)
    assert type(error) is SourceUnavailable
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "content"), [(403, body("Slow down", "rateLimitExceeded")), (503, b"<html>Later</html>"), (408, b"")]
)
def test_it_reads_retry_after_with_any_status(fake_server: FakeServer, status: int, content: Any) -> None:
    fake_server.respond(content, status, Retry_After="5")
    assert search(fake_server).retry_after == 5
    fake_server.respond(content, status)
    assert search(fake_server).retry_after is None


def test_the_most_exact_reason_decides(fake_server: FakeServer) -> None:
    fake_server.respond(body("You have exceeded your quota of API keys per day.", "forbidden", "SERVICE_DISABLED"), 403)
    assert type(search(fake_server)) is KeyCoolingDown
    fake_server.respond(body("You have exceeded your quota.", "accessNotConfigured", "API_KEY_SERVICE_BLOCKED"), 403)
    assert type(search(fake_server)) is KeyRefused
    fake_server.respond(body("Project suspended", "quotaExceeded", "CONSUMER_SUSPENDED"), 403)
    assert type(search(fake_server)) is ProjectSuspended


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
def test_errors_never_contain_the_key(fake_server: FakeServer, status: int) -> None:
    fake_server.respond(body(f"Consumer 'api_key:{KEY}' asked {fake_server.url}?key={KEY}", "forbidden"), status)
    try:
        search_videos(KEY, "kestrel", endpoint=fake_server.url)
    except SourceError as error:
        for text in (str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))):
            assert KEY not in text
    assert fake_server.asked[0]["key"] == KEY


EXPECTED: dict[str, tuple[type[SourceError], str]] = {
    "400_API_KEY_INVALID": (KeyRefused, "API_KEY_INVALID"),
    "400_API_KEY_expired": (KeyRefused, "API_KEY_INVALID"),
    "400_badRequest_invalid_argument": (RequestRefused, ""),
    "400_bad_publishedAfter": (RequestRefused, ""),
    "400_invalidFilters": (RequestRefused, ""),
    "400_invalidPageToken": (BadPageToken, ""),
    "400_keyInvalid_pre2020": (KeyRefused, "keyInvalid"),
    "400_missingRequiredParameter": (RequestRefused, ""),
    "403_API_KEY_IP_ADDRESS_BLOCKED": (KeyRefused, "API_KEY_IP_ADDRESS_BLOCKED"),
    "403_API_KEY_SERVICE_BLOCKED": (KeyRefused, "API_KEY_SERVICE_BLOCKED"),
    "403_accessNotConfigured_2020": (KeyCoolingDown, ""),
    "403_dailyLimitExceeded_pre2020": (BucketExhausted, "general"),
    "403_missing_key": (KeyRefused, "missing"),
    "403_quotaExceeded": (BucketExhausted, "general"),
    "429_search_queries_per_day": (BucketExhausted, "search"),
    "500_backendError": (SourceUnavailable, ""),
    "503_backendError": (SourceUnavailable, ""),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_it_reads_recorded_refusals(fake_server: FakeServer, name: str) -> None:
    recorded = recording(f"youtube/errors/{name}.json")
    fake_server.respond(recorded["body"], recorded["http_status"])
    error = search(fake_server)
    kind, detail = EXPECTED[name]
    assert type(error) is kind
    assert error.http_status == recorded["http_status"]
    assert getattr(error, "bucket", getattr(error, "reason", "")) == detail


def test_it_reads_a_recorded_unknown_refusal(fake_server: FakeServer) -> None:
    fake_server.respond(recording("youtube/recorded/error_permission_resp.json"), 403)
    assert type(search(fake_server)) is KeyCoolingDown


def test_every_recorded_refusal_is_read() -> None:
    assert {file.stem for file in (DATA / "youtube" / "errors").glob("*.json")} == set(EXPECTED)


error_parts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "details", "message", "reason", "metadata", "quota_limit", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
refusals = st.fixed_dictionaries(
    {"error": st.fixed_dictionaries({}, optional=dict.fromkeys(["message", "errors", "details", "code"], error_parts))}
)
statuses = st.sampled_from([300, 302, 304, 400, 401, 403, 404, 407, 408, 414, 418, 429, 499, 500, 502, 503, 599])
over_http = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@over_http
@given(status=statuses, content=refusals | error_parts)
@example(400, {"error": {"message": 5}})
@example(403, {"error": {"message": [], "errors": {}, "details": [{"reason": {}, "metadata": []}]}})
@example(429, {"error": {"details": [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": 1}}]}})
def test_any_json_is_a_source_error(fake_server: FakeServer, status: int, content: Any) -> None:
    fake_server.respond(content, status)
    error = search(fake_server)
    assert type(error) is not SourceError
    fake_server.respond([content], status)
    again = search(fake_server)
    assert (type(again), str(again)) == (type(error), str(error)), "the same in a list"


@over_http
@given(status=statuses, content=st.binary(max_size=200))
@example(400, b"[" * 100_000)
@example(400, b'\xff\xfe{\x00"\x00')
def test_any_bytes_are_a_source_error(fake_server: FakeServer, status: int, content: bytes) -> None:
    fake_server.respond(content, status)
    assert type(search(fake_server)) is not SourceError


@pytest.mark.parametrize("ask", [search, list_])
def test_it_forgets_a_failure(fake_server: FakeServer, ask: Callable[[FakeServer], SourceError]) -> None:
    fake_server.respond(b"", 503)
    ask(fake_server)
    fake_server.respond({"kind": "youtube#searchListResponse", "items": []})
    assert search_videos(KEY, "kestrel", endpoint=fake_server.url).videos == ()


@pytest.mark.parametrize("odd", ["\u202eevil", "two\nlines", "\x1b[31m", "<b>", " ", "x" * 101, "\u2066", "é"])
def test_nothing_is_shown_or_stored_but_identifiers(fake_server: FakeServer, odd: str) -> None:
    for status in (400, 403, 404, 429):
        for message, known in (("", ""), ("", "badRequest"), ("per day", "RATE_LIMIT_EXCEEDED")):
            fake_server.respond(body(message, odd, known or odd, consumer=odd, quota_limit="SearchPerDay"), status)
            error = search(fake_server)
            assert not odd.strip() or odd not in str(error)
            assert str(error).isascii()
            assert str(error).isprintable()
            assert getattr(error, "consumer", "") == ""
