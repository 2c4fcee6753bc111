"""/api/keywords/: list, add, change, delete, fetch now."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.videos.fetching import erasing
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.problems import errors, problem
from apps.videos.views import KeywordViewSet

pytestmark = pytest.mark.django_db(transaction=True)


def post(client: Client, address: str, body: Any = None, **extra: Any) -> Any:
    return client.post(address, body, content_type="application/json", **extra)


def test_it_works(client: Client, sent: list[tuple]) -> None:
    answer = post(client, "/api/keywords/", {"keyword": "  Two   Words "})

    assert answer.status_code == 201
    entry = KeyWordEntry.objects.get()
    body = answer.json()
    assert list(body)[:7] == ["id", "keyword", "state", "interval", "weight", "video_count", "created_at"]
    assert (body["id"], body["keyword"], body["state"], body["interval"]) == (entry.pk, "Two Words", "watched", None)
    assert sent == [("process_trigger", (entry.pk,), {"trigger": "first"})]
    assert client.get(f"/api/keywords/{entry.pk}/").json()["keyword"] == "Two Words"


def test_adding_it_again_answers_with_the_existing_one(client: Client) -> None:
    first = post(client, "/api/keywords/", {"keyword": "Python", "interval": 600})
    again = post(client, "/api/keywords/", {"keyword": " PYTHON", "interval": 60})

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert KeyWordEntry.objects.get().interval == 600


@pytest.mark.parametrize("keyword", [None, "", "  ", "x" * 501, 7, 1.5, True, ["a"], {"a": 1}, "\u200b", "a\x00"])
def test_it_refuses_what_can_be_no_keyword_and_names_the_field(client: Client, keyword: Any) -> None:
    answer = post(client, "/api/keywords/", {"keyword": keyword})
    assert list(errors(answer)) == ["keyword"]
    assert KeyWordEntry.objects.count() == 0


def test_it_refuses_a_missing_keyword_and_a_body_that_is_no_object(client: Client) -> None:
    assert list(errors(post(client, "/api/keywords/", {}))) == ["keyword"]
    for body in ("[]", '"python"', "7", ""):
        assert list(errors(post(client, "/api/keywords/", body))) == (["body"] if body else ["keyword"])
    assert problem(post(client, "/api/keywords/", "{"), 400)["type"] == "/api/problems/parse_error"


def test_it_refuses_a_keyword_with_a_lone_surrogate(client: Client) -> None:
    assert post(client, "/api/keywords/", r'{"keyword": "a\ud800"}').status_code == 400


@pytest.mark.parametrize("interval", [0, -1, 10**9, "soon", 1.5, [60]])
def test_it_refuses_a_wrong_interval(client: Client, interval: Any) -> None:
    answer = post(client, "/api/keywords/", {"keyword": "python", "interval": interval})
    assert list(errors(answer)) == ["interval"]


def test_it_changes_interval_state_weight_and_spelling(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    change = {"keyword": "PYTHON", "state": "paused", "interval": 7200, "weight": 5}

    answer = client.patch(f"/api/keywords/{entry.pk}/", change, content_type="application/json")

    assert answer.status_code == 200
    assert change.items() <= answer.json().items()
    assert answer.json()["next_due_at"] is None


@pytest.mark.parametrize(
    ("field", "value"), [("keyword", "ruby"), ("state", "deleting"), ("state", "previewed"), ("weight", 0)]
)
def test_it_refuses_a_wrong_change(client: Client, field: str, value: Any) -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    answer = client.patch(f"/api/keywords/{entry.pk}/", {field: value}, content_type="application/json")
    assert list(errors(answer)) == [field]


def test_a_state_that_there_is_not_is_answered_with_those_there_are(client: Client) -> None:
    answer = post(client, "/api/keywords/", {"keyword": "python", "state": "gone"})
    assert errors(answer) == {"state": ["Must be one of: watched, paused."]}


def test_fields_that_a_put_leaves_out_keep_their_values(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="python", interval=7200, weight=5)
    answer = client.put(f"/api/keywords/{entry.pk}/", {"keyword": "Python"}, content_type="application/json")
    assert (answer.status_code, answer.json()["keyword"]) == (200, "Python")
    assert (answer.json()["interval"], answer.json()["weight"]) == (7200, 5)


def test_deleting_hides_it_at_once(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="python")

    assert client.delete(f"/api/keywords/{entry.pk}/").status_code == 204
    assert client.get(f"/api/keywords/{entry.pk}/").status_code == 404
    assert client.get("/api/keywords/").json()["results"] == []
    assert client.get("/api/keyword/python/videos/").status_code == 404


def test_fetch_now_answers_with_the_log(client: Client, sent: list[tuple]) -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    sent.clear()

    answer = post(client, f"/api/keywords/{entry.pk}/fetch/")

    log = VideoLog.objects.get()
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (202, log.pk, "waiting")
    assert sent == [("process_trigger", (entry.pk,), {"trigger": "manual", "log_id": log.pk})]


def test_the_list_costs_three_queries_whatever_its_size(client: Client, django_assert_num_queries) -> None:
    for size in (1, 20):
        while KeyWordEntry.objects.count() < size:
            KeyWordEntry.objects.create(keyword=f"word {KeyWordEntry.objects.count()}")
        with django_assert_num_queries(3):  # how many, the page, and its gaps
            assert len(client.get("/api/keywords/?page_size=100").json()["results"]) == size


def test_logs_of_one_keyword(client: Client) -> None:
    mine, other = (KeyWordEntry.objects.create(keyword=word) for word in ("mine", "other"))
    for entry in (mine, other, mine):
        entry.logs.create(keyword_text=entry.keyword, message="Done.")

    body = client.get(f"/api/logs/?keyword_id={mine.pk}").json()

    assert body["count"] == 2
    assert body["results"][0]["id"] > body["results"][1]["id"]
    assert client.get(f"/api/logs/{body['results'][0]['id']}/").json()["message"] == "Done."
    assert list(errors(client.get("/api/logs/?keyword_id=x"))) == ["keyword_id"]


def test_quota_shows_what_is_left(client: Client, youtube) -> None:
    from apps.quota import ledger

    ledger.reserve("one", "search", ledger.Purpose.MANUAL)
    ledger.mark_exhausted("two", "general", timezone.now())

    body = client.get("/api/quota/").json()

    assert (body["day"], body["resets_at"]) == ("2026-11-20", "2026-11-21T08:00:00Z")
    one, two = body["projects"]
    assert one["search"] == {"limit": 100, "used": 1, "left": 99, "refused_at": None}
    assert two["general"]["left"] == 0
    assert one["keys"][0]["state"] == "active"
    assert len(one["keys"][0]["fingerprint"]) == 4


def test_an_unknown_address_is_answered_in_json(client: Client) -> None:
    answer = client.get("/api/nothing")
    assert "/api/" in problem(answer, 404)["detail"]


def test_every_address_works_without_its_closing_slash(client: Client) -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    store(entry, found_video("video"))
    VideoLog.objects.create(pk=entry.pk, keyword=entry)
    schema = client.get("/api/schema/?format=json").json()
    for path, methods in schema["paths"].items():
        if "export" in path:
            continue  # the address of a file has none
        address = path.format(id=entry.pk, keyword="python", video_id="video").removesuffix("/")
        assert path.endswith("/")
        if "get" in methods:
            same = client.get(address).content == client.get(f"{address}/").content
            assert same or "/feed" in path or path == "/metrics/"  # these have the time
            assert client.get(f"{address}?page=none").status_code == client.get(f"{address}/?page=none").status_code
    assert post(client, "/api/keywords", {"keyword": "rust"}).status_code == 201
    assert post(client, f"/api/keywords/{entry.pk}/fetch").status_code == 202
    for method in (client.patch, client.put, client.delete):
        assert (
            method(f"/api/keywords/{entry.pk}", {"keyword": "Python"}, content_type="application/json").status_code
            < 300
        )
    assert not KeyWordEntry.objects.find("python")


def test_the_schema_and_its_page(client: Client) -> None:
    schema = client.get("/api/schema/?format=json").json()
    assert "/api/keyword/{keyword}/videos/" in schema["paths"]
    method = schema["components"]["schemas"]["VideoLog"]["properties"]["method"]
    assert "BlankEnum" in str(method) or "" in method.get("enum", [])
    page = client.get("/api/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "cdn" not in page


def test_a_change_keeps_what_another_request_changed_in_the_meantime(client: Client, monkeypatch) -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    look_up = KeywordViewSet.get_object

    def look_up_before_a_pause(view: KeywordViewSet) -> KeyWordEntry:
        found = look_up(view)
        KeyWordEntry.objects.all().set_state(KeyWordEntry.State.PAUSED)
        return found

    monkeypatch.setattr(KeywordViewSet, "get_object", look_up_before_a_pause)
    answer = client.patch(f"/api/keywords/{entry.pk}/", {"interval": 7200}, content_type="application/json")
    assert (answer.json()["state"], answer.json()["interval"]) == ("paused", 7200)
    entry.refresh_from_db()
    assert entry.state == "paused"


def test_changing_a_keyword_deleted_in_the_meantime_is_a_404(client: Client, monkeypatch) -> None:
    entry = KeyWordEntry.objects.create(keyword="python")
    look_up = KeywordViewSet.get_object

    def look_up_and_lose(view: KeywordViewSet) -> KeyWordEntry:
        found = look_up(view)
        KeyWordEntry.objects.all().delete()
        erasing.erase(found)
        return found

    monkeypatch.setattr(KeywordViewSet, "get_object", look_up_and_lose)
    assert post(client, f"/api/keywords/{entry.pk}/fetch/").status_code == 404
    entry = KeyWordEntry.objects.create(keyword="python")
    answer = client.patch(f"/api/keywords/{entry.pk}/", {"weight": 2}, content_type="application/json")
    assert problem(answer, 404)["detail"] == "This keyword has been deleted."
