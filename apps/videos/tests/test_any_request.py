"""Whatever a stranger sends to any address, on either database, ends in a status below 500; of the API in a problem."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.videos.models import KeyWordEntry
from apps.videos.tests.addresses import ADDRESSES
from apps.videos.tests.builders import fetched_keyword
from apps.videos.tests.problems import problem
from apps.videos.tests.wsgi import ask

pytestmark = pytest.mark.django_db

HUGE = "9" * 30


FIELDS = sorted({field.name for model in apps.get_models() for field in model._meta.get_fields()})
LOOKUPS = ["", "exact", "in", "isnull", "gte", "year", "regex", "date", "id", "keyword", "x"]

odd = st.sampled_from(
    [
        "", " ", "0", "1", "-1", "+1", "1.5", "x", "null", "true", HUGE, "9" * 5000, "٣", "²", "..", ".",
        "a/b", "//", "%",
        "\0", "\n", "\x7f", "\ufeff", "\ud7ff", "\U0010ffff", "[", "(", "'", '"', "\\", "{}", "http://[",
        "//evil.example",
        "/sign-in/", "javascript:x", "a" * 3000, "鳥" * 500, "add", "search", "2026-13-45", "1,2,\0", "python",
        "a-video",
    ]
)  # fmt: skip
text = odd | st.text(max_size=20)
encoded = text.map(lambda value: quote(value, safe="")) | st.binary(max_size=8).map(lambda value: quote(value, safe=""))
METHODS = ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ODD", "a"]
PARAMETERS = ["page", "page_size", "keyword", "next", "format", "q", "p", "o", "e", "all", "state",
              "_to_field", "_popup",
              "_changelist_filters", "app_label", "model_name", "field_name", "term"]  # fmt: skip
parameter = (
    st.sampled_from(PARAMETERS)
    | st.builds("{}__{}".format, st.sampled_from(FIELDS), st.sampled_from(LOOKUPS))
    | st.sampled_from(FIELDS)
    | text
)
header_value = st.sampled_from(
    [
        "", ",", ";", "=", ";;=", "x", "*", "*/*", "a/b", "a/b;q=x", "application/json", "text/html", "%",
        "%zz%00", "%E0%80",
        "null", "http://[", "http://]", "http://localhost:8000", "//", "Token", "Token \xff", "Token \xc3\xa9",
        "Token x y",
        "Basic \xff", "Basic eA==", "true", "bytes=0-", "bytes=9-1", "W/\"", "Mon, 99 Foo 99999 99:99:99 GMT",
        HUGE, "-1",
        "localhost:", "localhost:x", "localhost:99999999", "[::1", "[::1]", "a..b", "evil.example", "\xff\xfe",
        "a" * 4000,
        "https", "cross-site", "same-origin", "gzip;q=", "\x85", "en-;;",
    ]
) | st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)  # fmt: skip
HEADERS = ["Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Encoding", "Cookie", "Host",
           "HX-Request", "HX-Request-URI-AutoEncoded", "HX-Current-URL", "HX-Current-URL-URI-AutoEncoded",
           "HX-Target",
           "If-Match", "If-Modified-Since", "If-None-Match", "If-Unmodified-Since", "Origin", "Range", "Referer",
           "Sec-Fetch-Site", "Triggering-Event", "X-CSRFToken", "X-Forwarded-For", "X-Forwarded-Host",
           "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Requested-With", "X-Odd"]  # fmt: skip
COOKIES = [getattr(django_settings, f"{name}_COOKIE_NAME")
           for name in ("CSRF", "SESSION", "MESSAGES", "VISIT", "THEME", "THUMBNAILS")]  # fmt: skip
cookie = st.builds(
    "{}={}".format,
    st.sampled_from([*COOKIES, "odd"]),
    st.sampled_from(['"aaaaaaaa\\000"', '"\\377"', "\xff" * 9, "a" * 32, "[]", "W10:x:y", '"']) | header_value,
)
CONTENT_TYPES = [
    "application/json", "application/json", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded",
    "multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=\xff", "text/plain", "",
    *(f"{kind}; charset={charset}"
      for kind in ("application/json", "application/x-www-form-urlencoded")
      for charset in ("hex", "rot13", "zip", "utf-16", "utf-7", "idna", "undefined", "nonsense", '"', "")),
    "a/b; x*=nonsense''%41", "a/b; charset*=hex''%41", "a/b; charset*0*=x''a; charset*2*=b", ";;", "; charset",
    "/;*=",
    "a/b; x*0=", "a/b; \xff*=''",
]  # fmt: skip
json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
fields = ["keyword", "state", "interval", "weight", "username", "password", "next", "csrfmiddlewaretoken", "action",
          "_selected_action", "select_across", "index", "post", "_save", "name", "key", "user"]  # fmt: skip
form = st.dictionaries(st.sampled_from(fields) | text, text, max_size=5)
ACTIONS = ["delete_selected", "pause", "resume", "fetch", "use_again"]
action = st.fixed_dictionaries({"action": st.sampled_from(ACTIONS), "_selected_action": text, "post": text})
bodies = (
    st.dictionaries(st.sampled_from(fields), json_value, max_size=4).map(json.dumps).map(str.encode)
    | json_value.map(json.dumps).map(str.encode)
    | (form | action).map(lambda fields: urlencode(fields).encode())
    | st.binary(max_size=60)
    | st.sampled_from([b"[" * 200_000, b'{"keyword":' * 100_000, b'{"interval":' + b"[" * 300 + b"]" * 300 + b"}",
                       b"9" * 5000, b'{"weight": 1' + b"0" * 4500 + b"}", b'{"interval": 1e999}',
                       b'{"interval": NaN}',
                       b"a=1&" * 1001, b"x" * 3_000_000,
                       b"--x\r\nContent-Disposition: form-data; name*=hex''x\r\n\r\n",
                       b"--x\r\nContent-Disposition: form-data; name=a\r\n"
                       b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--",
                       b'--x\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\nhex\r\n--x--',
                       b"_charset_=hex"])
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, str], bytes]:
    address = draw(st.sampled_from(ADDRESSES))
    while "%(" in address:
        before, _, rest = address.partition("%(")
        address = before + draw(st.just("{id}") | encoded) + rest.partition(")s")[2]
    if draw(st.integers(0, 9)) == 0:
        address += draw(encoded)
    if draw(st.booleans()):
        pairs = draw(st.lists(st.tuples(parameter.map(lambda name: quote(name)), encoded), min_size=1, max_size=3))
        address += "?" + "&".join(map("=".join, pairs))
    headers = draw(st.dictionaries(st.sampled_from(HEADERS), header_value, max_size=3))
    if draw(st.booleans()):
        headers["Content-Type"] = draw(st.sampled_from(CONTENT_TYPES) | header_value)
    if draw(st.integers(0, 3)) == 0:
        headers["Cookie"] = draw(cookie)
    return draw(st.sampled_from(METHODS)), address, headers, draw(st.just(b"") | bodies)


@pytest.fixture
def entry() -> KeyWordEntry:
    return fetched_keyword("python")


def check(method: str, address: str, headers: dict[str, str], body: bytes) -> None:
    answer = ask(method, address, headers, body)
    if address.startswith("/healthz") and answer.status == 503:
        return  # here nothing watches the parts
    assert answer.status < 500, (answer.status, method, address, headers, body[:500])
    if address.startswith(("/api/", "/ping/")) and answer.status >= 400 and method != "HEAD":
        shown = problem(answer, answer.status)
        assert not any(f"No {model.__name__}" in str(shown) for model in apps.get_models())


FUZZ = settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


CSRF = "a" * 32


@FUZZ
@given(asked=requests(), sign_in=st.sampled_from(["off", "write"]))
def test_any_request_without_sign_in(entry: KeyWordEntry, settings: Any, asked: Any, sign_in: str) -> None:
    settings.SIGN_IN = sign_in
    method, address, headers, body = asked
    check(method, address.replace("{id}", str(entry.pk)), headers, body)


@FUZZ
@given(asked=requests())
def test_any_request_with_sign_in(entry: KeyWordEntry, settings: Any, asked: Any) -> None:
    settings.SIGN_IN = "write"
    method, address, headers, body = asked
    client = Client()
    client.force_login(User.objects.get_or_create(username="ada", is_superuser=True, is_staff=True)[0])
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookies = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={CSRF}"
    headers = {"X-CSRFToken": CSRF} | headers | {"Cookie": cookies}
    check(method, address.replace("{id}", str(entry.pk)), headers, body)
