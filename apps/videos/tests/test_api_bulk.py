"""POST /api/keywords/bulk/: watching many keywords at once."""

from typing import Any

import pytest
from django.test import Client

from apps.videos.models import KeyWordEntry
from apps.videos.tests.problems import errors

pytestmark = pytest.mark.django_db


def post(client: Client, *items: Any) -> Any:
    return client.post("/api/keywords/bulk/", {"keywords": list(items)}, content_type="application/json")


def test_it_works(client: Client) -> None:
    owl = KeyWordEntry.objects.create(keyword="Owl")
    items = [{"keyword": "red  kite", "interval": 600, "weight": 3, "state": "paused"}, {"keyword": "OWL"}]
    answer = post(client, *items, {"keyword": "a\x00"}, {"keyword": ""})

    assert answer.status_code == 200
    kite = KeyWordEntry.objects.get(keyword="red kite")
    assert (kite.interval, kite.weight, kite.state) == (600, 3, "paused")
    assert answer.json() == {
        "new": 1,
        "known": 1,
        "refused": 2,
        "results": [
            {"keyword": "red kite", "result": "new", "id": kite.pk, "detail": ""},
            {"keyword": "OWL", "result": "known", "id": owl.pk, "detail": ""},
            {
                "keyword": "a\x00",
                "result": "refused",
                "id": None,
                "detail": "A keyword cannot contain control characters.",
            },
            {"keyword": "", "result": "refused", "id": None, "detail": "Enter a keyword."},
        ],
    }


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ([], ["keywords"]),
        ([{"keyword": "x"}] * 1001, ["keywords"]),
        (["kestrel"], ["keywords.0.body"]),
        ([{"keyword": "owl"}, {"keyword": 7}], ["keywords.1.keyword"]),
        ([{"keyword": "owl"}, {}], ["keywords.1.keyword"]),
        ([{"keyword": "owl", "interval": 0}], ["keywords.0.interval"]),
        ([{"keyword": "owl", "weight": 101}], ["keywords.0.weight"]),
        ([{"keyword": "owl", "state": "previewed"}], ["keywords.0.state"]),
        ([{"keyword": "owl", "colour": "red"}], ["keywords.0.colour"]),
    ],
)
def test_a_wrong_value_refuses_all_and_is_named(client: Client, items: list[Any], named: list[str]) -> None:
    assert list(errors(post(client, *items))) == named
    assert not KeyWordEntry.objects.exists()


@pytest.mark.parametrize("body", ["[]", '"owl"', "{}", '{"keywords": "owl"}', '{"keywords": [], "state": "paused"}'])
def test_another_body_is_refused(client: Client, body: str) -> None:
    assert errors(client.post("/api/keywords/bulk/", body, content_type="application/json"))


def test_a_thousand_cost_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(60):
        answer = post(client, *({"keyword": f"bird {n}"} for n in range(1000)))
    assert answer.json()["new"] == KeyWordEntry.objects.count() == 1000


def test_it_needs_permission_to_write(client: Client, settings: Any) -> None:
    settings.SIGN_IN = "write"
    assert post(client, {"keyword": "owl"}).status_code == 401
