"""The API does what its schema says; the schema and the README's tables name the same endpoints and parameters."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import reduce
from operator import getitem
from time import sleep
from typing import Any
from unittest.mock import patch

import jsonschema
import pytest
import schemathesis
from django.conf import settings
from django.core.management import call_command
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from hypothesis import HealthCheck, Phase, strategies
from hypothesis import settings as fuzz
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from apps.incidents import parts
from apps.videos import keywords
from apps.videos.errors import PROBLEMS
from apps.videos.models import KeyWordEntry
from apps.videos.schema import SchemaView
from apps.videos.tests.builders import fetched_keyword
from apps.videos.tests.problems import CODES, errors
from apps.videos.tests.wsgi import application, ask
from apps.videos.views import NotFoundView

pytestmark = pytest.mark.django_db

README = (settings.BASE_DIR / "README.md").read_text()
GUIDE = "\n".join(file.read_text() for file in sorted((settings.BASE_DIR / "docs").glob("api*.md")))
# SCHEMA_EXAMPLES=100 asks some thousand times, also with the values at the limits of each parameter.
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "0"))


def generated() -> dict[str, Any]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(OpenApiJsonRenderer().render(schema, renderer_context={}))


def uncompressed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["HTTP_ACCEPT_ENCODING"] = "identity"  # schemathesis does not decompress what an application returns
    return application(environ, start_response)


SCHEMA = generated()


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Return what a part of the schema refers to, or itself."""
    if "$ref" not in part:
        return part
    return reduce(getitem, part["$ref"].removeprefix("#/").split("/"), SCHEMA)


api = schemathesis.openapi.from_dict(SCHEMA)
api.app = uncompressed
# Examples of strings that the schema only names.
schemathesis.openapi.format("apprise-urls", strategies.just("json://localhost"))
schemathesis.openapi.format("http-url", strategies.sampled_from(["http://localhost/", "https://localhost:8443/a?b=c"]))
# Odd characters are in test_any_request.py. A schema cannot say which of them make no keyword.
api.config.generation.update(allow_x00=False, codec="ascii")


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> KeyWordEntry:
    monkeypatch.setattr(parts, "_watcher", parts.Watcher())  # which /healthz/ asks
    return fetched_keyword("python")


@api.parametrize()
@fuzz(
    max_examples=EXAMPLES or 5,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate] if EXAMPLES else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_answers_as_the_schema_says(entry: KeyWordEntry, case: Any) -> None:
    # A schema cannot say which spellings of a keyword are the same word, which text is a cursor and excludes `page`,
    # and that white space is not counted in a keyword.
    excluded = []
    if case.method in ("PUT", "PATCH") or "cursor" in (case.query or {}):
        excluded.append(positive_data_acceptance)
    if case.path.startswith("/api/rules"):
        excluded.append(positive_data_acceptance)  # nor which value belongs to which kind, and which keyword exists
    keyword = case.body.get("keyword") if isinstance(case.body, dict) else None
    if isinstance(keyword, str) and len(" ".join(keyword.split())) <= keywords.MAX_LENGTH < len(keyword):
        excluded.append(negative_data_rejection)
    case.call_and_validate(excluded_checks=excluded)


def test_the_schema_is_valid_and_has_no_warnings(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


@pytest.mark.parametrize(("sign_in", "reading", "writing"), [("off", 1, 1), ("write", 1, 0), ("all", 0, 0)])
def test_an_account_is_needed_only_where_it_is_asked(settings: Any, sign_in: str, reading: int, writing: int) -> None:
    settings.SIGN_IN = sign_in
    keywords = generated()["paths"]["/api/keywords/"]
    for method, optional in (("get", reading), ("post", writing)):
        assert ({} in keywords[method]["security"]) == bool(optional)


def test_ids_and_pages_begin_with_one() -> None:
    for address, item in SCHEMA["paths"].items():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in ("id", "page", "page_size"):
                    assert parameter["schema"]["minimum"] == 1, address


def test_each_operation_has_a_summary_and_a_plain_name() -> None:
    listed = [(item[method], address) for address, item in SCHEMA["paths"].items() for method in item]
    for operation, address in listed:
        assert operation.get("summary"), address
        assert operation.get("description"), address
        assert re.fullmatch("(list|get|add|change|update|delete|fetch|preview)_[a-z_]+|ping", operation["operationId"])
        assert operation["tags"][0] in ("videos", "keywords", "logs", "quota", "service"), address
        assert all(resolved(answer)["description"] for answer in operation["responses"].values()), address
        assert all(parameter.get("description") for parameter in operation.get("parameters", [])), address
    assert len({operation["summary"] for operation, _ in listed}) == len(listed)
    assert "example.org" not in json.dumps(SCHEMA)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the part, media type and content of each body that an operation takes or answers."""
    bodies = {"request": operation.get("requestBody", {})} | operation["responses"]
    for part, body in bodies.items():
        for media_type, content in resolved(body).get("content", {}).items():
            yield part, media_type, content


def strict_components(part: str) -> dict[str, Any]:
    """Return the components without other properties; in a request, those that clients only read are not required."""
    components = deepcopy(SCHEMA["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
            if part == "request":
                only_read = {name for name, given in schema["properties"].items() if given.get("readOnly")}
                schema["required"] = sorted(set(schema.get("required", [])) - only_read)
    return components


def test_each_body_has_an_example_that_its_schema_allows() -> None:
    for address, item in SCHEMA["paths"].items():
        for operation in item.values():
            for part, media_type, content in contents(operation):
                if not media_type.endswith("json"):
                    assert isinstance(content["example"], str), address
                    continue
                schema = content["schema"] | {"components": strict_components(part)}
                jsonschema.Draft202012Validator(schema).validate(content["example"])
                assert (media_type == "application/problem+json") == (part[0] in "45"), address


def test_each_error_has_the_schema_of_a_problem() -> None:
    for address, item in SCHEMA["paths"].items():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status[0] in "45" and status != "414":
                    (content,) = resolved(answer)["content"].values()
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, address
                    assert content["example"]["status"] == int(status)


@pytest.mark.parametrize(
    ("method", "address", "headers", "body", "path", "status"),
    [
        ("GET", "/api/keyword/../videos/", {}, b"", "/api/keyword/{keyword}/videos/", 302),
        ("GET", "/api/videos/", {"If-None-Match": "*"}, b"", "/api/videos/", 304),
        ("GET", "/ping/?x=1", {}, b"", "/ping/", 400),
        ("GET", "/ping/", {"Accept": "text/html"}, b"", "/ping/", 406),
        ("POST", "/api/keywords/", {"Content-Type": "application/json"}, b"x" * 1001, "/api/keywords/", 413),
        ("PATCH", "/api/keywords/1/", {"Content-Type": "text/plain"}, b"x", "/api/keywords/{id}/", 415),
    ],
)
def test_its_other_answers_are_in_the_schema(
    entry: KeyWordEntry,
    settings: Any,
    method: str,
    address: str,
    headers: dict[str, str],
    body: bytes,
    path: str,
    status: int,
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    address = address.replace("/1/", f"/{entry.pk}/")
    assert ask(method, address, headers, body).status == status
    assert str(status) in SCHEMA["paths"][path][method.lower()]["responses"]


def test_what_web_servers_answer_is_in_the_schema() -> None:
    for address, item in SCHEMA["paths"].items():
        for operation in item.values():
            assert {"413", "414", "431", "503"} <= operation["responses"].keys(), address


def test_a_count_that_is_not_exact_is_in_the_schema() -> None:
    for name in ("Keyword", "Video", "VideoLog"):
        properties = SCHEMA["components"]["schemas"][f"Paginated{name}List"]["properties"]
        assert list(properties) == ["count_is_exact", "count", "next", "previous", "results"]


def rows(heading: str, text: str = README) -> list[list[str]]:
    """Return the cells of each table below this line."""
    columns = heading.count("|") - 1
    tables = [table.split("\n\n")[0] for table in text.split(f"\n{heading}\n{'|---' * columns}|\n")[1:]]
    return [line.strip("| ").split(" | ", columns - 1) for table in tables for line in table.splitlines()]


def quoted(text: str) -> list[str]:
    return re.findall("`([^`]+)`", text)


def operations(request: str) -> list[tuple[str, str]]:
    """Return address and method of each operation in a cell: `GET`, `DELETE /api/keywords/<id>/`."""
    found, address = [], ""
    for name in reversed(quoted(request)):
        method, _, path = name.partition(" ")
        address = re.sub("<([a-z_]+)>", r"{\1}", path) or address
        found.append((address, method.lower()))
    return found[::-1]


def test_the_readme_lists_the_endpoints_of_the_schema() -> None:
    listed = {operation for request, _ in rows("| request | what |") for operation in operations(request)}
    assert listed == {(address, method) for address, item in SCHEMA["paths"].items() for method in item}


def names(text: str) -> set[str]:
    return {name for name in quoted(text) if re.fullmatch("[a-z_]+", name)}


def test_the_readme_lists_the_parameters_and_fields_of_the_schema() -> None:
    filters = {name for parameters, _ in rows("| parameter | videos |") for name in quoted(parameters)}
    for request, what in rows("| request | what |"):
        parameters, fields = set(), set()
        for address, method in operations(request):
            operation = SCHEMA["paths"][address][method]
            parameters |= {given["name"] for given in operation.get("parameters", []) if given["in"] == "query"}
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                properties = SCHEMA["components"]["schemas"][schema]["properties"].items()
                fields |= {name for name, given in properties if not given.get("readOnly")}
        listed = names(what) | (filters if "the filters below" in what else set())
        assert parameters - {"page", "page_size"} <= listed <= parameters | fields, request


def test_the_readme_lists_the_values_of_the_filters() -> None:
    operation = SCHEMA["paths"]["/api/keyword/{keyword}/videos/"]["get"]
    values = {given["name"]: given["schema"].get("enum") for given in operation["parameters"]}
    for parameters, what in rows("| parameter | videos |"):
        if choices := values[quoted(parameters)[0]]:
            assert names(what) == {choice.removeprefix("-") for choice in choices}, parameters


def test_the_readme_shows_a_page_of_videos_with_its_fields() -> None:
    page = json.loads(re.findall(r"^\{\n.*?^\}$", README, re.MULTILINE | re.DOTALL)[0])
    assert list(page["results"][0]) == list(SCHEMA["components"]["schemas"]["Video"]["properties"])
    assert page.keys() == SCHEMA["components"]["schemas"]["PaginatedVideoList"]["properties"].keys() - {
        "count_is_exact"
    }


def test_the_guide_names_the_endpoints_of_the_schema() -> None:
    requests = re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`?]*)`", GUIDE)
    named = {operation for request in requests for operation in operations(f"`{request}`")}
    assert named == {(address, method) for address, item in SCHEMA["paths"].items() for method in item}


def test_the_addresses_in_the_guide_exist() -> None:
    for address in re.findall(
        r"(?<![a-z./])/(?:api|ping|healthz|metrics)/[^\s`'\"?)]*", GUIDE.replace("127.0.0.1:8000", "")
    ):
        view = resolve(re.sub("<[a-z_]+>", "1", address.replace("<type>", "csv")))
        assert getattr(view.func, "cls", None) is not NotFoundView, address


def test_the_guide_lists_the_parameters_of_the_schema() -> None:
    lists: dict[str, set[str]] = {}
    for operation in (item["get"] for item in SCHEMA["paths"].values() if "get" in item):
        for given in operation.get("parameters", []):
            if given["in"] == "query":
                lists.setdefault(given["name"], set()).add(operation["tags"][0])
    filters = {
        name: of.split(", ") for cell, of, _ in rows("| parameter | of | only rows |", GUIDE) for name in quoted(cell)
    }
    pages = {name for cell, _ in rows("| parameter | what |", GUIDE) for name in quoted(cell)}
    statistics = {name for cell, _ in rows("| parameter | of statistics |", GUIDE) for name in quoted(cell)}
    assert filters.keys() | pages | statistics == lists.keys()
    assert {name: sorted(of) for name, of in filters.items()} == {name: sorted(lists[name]) for name in filters}


def test_the_guide_lists_the_types_and_codes_of_problems() -> None:
    types = {(*quoted(cell), status) for cell, status, _ in rows("| type | status | when |", GUIDE)}
    known = {(f"/api/problems/{code}", str(problem.status)) for code, problem in PROBLEMS.items()}
    assert types == known | {("about:blank", "any")}
    assert {name for cell, _ in rows("| code in `errors` | the value |", GUIDE) for name in quoted(cell)} == CODES


def test_the_schema_is_generated_once_by_one_thread() -> None:
    """The library's generator is not made for several: each of them may fail."""
    calls = []

    def slowly(*args: Any, **kwargs: Any) -> dict[str, Any]:
        calls.append(args)
        sleep(0.1)
        return {}

    with (
        patch.object(SchemaView, "generated", {}),
        patch.object(SchemaGenerator, "get_schema", slowly),
        ThreadPoolExecutor(4) as threads,
    ):
        answers = list(threads.map(lambda _: ask("GET", "/api/schema/"), range(4)))
    assert ([answer.status for answer in answers], len(calls)) == ([200] * 4, 1)


@pytest.mark.parametrize("name", ["version", "lang", "x"])
def test_the_schema_has_no_parameter_but_its_format(name: str) -> None:
    assert list(errors(ask("GET", f"/api/schema/?{name}=1"))) == [name]
