"""The pages of the admin work, and changes there update the schedule."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_script_prefix
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from apps.quota.models import ApiKey, QuotaSpend
from apps.videos import pagination
from apps.videos.fetching import erasing
from apps.videos.models import ApiToken, KeyWordEntry, Match, SearchGap, Video, VideoLog
from apps.videos.scheduling import beat
from apps.videos.tests.builders import found_video, store

pytestmark = pytest.mark.django_db(transaction=True)

OURS = [model for model in admin.site._registry if model._meta.app_label in ("videos", "quota")]


@pytest.fixture
def entry() -> KeyWordEntry:
    """A keyword with rows in every table, beside rows whose keyword is gone."""
    entry = KeyWordEntry.objects.create(keyword="<b>python</b>")
    gone = KeyWordEntry.objects.create(keyword="gone")
    store(entry, found_video("a"))
    store(gone, found_video("b"))
    entry.gaps.create(after="2026-11-01T00:00:00Z", before="2026-11-02T00:00:00Z")
    for keyword in (entry, gone):
        keyword.logs.create(keyword_text=keyword.keyword, status="done")
    Video.objects.filter(pk="a").update(keyword=None)
    gone.delete()
    ApiKey.objects.get_or_create(fingerprint="0" * 16, label="a", project="a", position=9)
    QuotaSpend.objects.create(project="a", day="2026-11-20", bucket="search")
    return entry


def test_every_page_opens(admin_client: Client, entry: KeyWordEntry) -> None:
    addresses = [reverse("admin:index")]
    for model in OURS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        addresses += [reverse(f"{name}_changelist"), f"{reverse(f'{name}_changelist')}?q=a"]
        for row in model._default_manager.all():
            addresses += [reverse(f"{name}_change", args=[row.pk]), reverse(f"{name}_history", args=[row.pk])]
    addresses.append(reverse("admin:videos_keywordentry_add"))
    addresses.append(reverse("admin:videos_keywordentry_delete", args=[entry.pk]))
    for address in addresses:
        assert admin_client.get(address).status_code == 200, address
    assert len(addresses) > 20


def test_it_calls_the_fetch_log_as_the_pages_do(admin_client: Client) -> None:
    assert ">Fetch log</a>" in admin_client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("path", ["", "/windhover"])
def test_its_header_leads_back_to_the_pages(admin_client: Client, path: str) -> None:
    for name in ("admin:index", "admin:videos_video_changelist"):
        address = reverse(name)
        with override_script_prefix(f"{path}/"):
            page = admin_client.get(address, SCRIPT_NAME=path).content.decode()
        assert re.search(r'<div id="site-name"><a href="[^"]*"><img [^>]*>Windhover</a>', page)
        assert f'<a href="{path}/">To the dashboard</a>' in page
        assert re.search(r"<title>[^<]*\| Windhover</title>", page)
        assert "Django" not in page


def test_rows_of_an_erased_keyword_still_open(admin_client: Client, entry: KeyWordEntry) -> None:
    erasing.erase(KeyWordEntry.including_deleted.get(keyword="gone"))
    for model in (VideoLog, Video, Match):
        for row in model.objects.all():
            address = reverse(f"admin:videos_{model._meta.model_name}_change", args=[row.pk])
            assert admin_client.get(address).status_code == 200


def test_a_keyword_can_be_added_changed_and_paused(admin_client: Client, sent: list[tuple]) -> None:
    form = {"keyword": " Two  Words ", "state": "watched", "interval": "", "weight": "1", "notify": "off"}
    admin_client.post(reverse("admin:videos_keywordentry_add"), form)
    entry = KeyWordEntry.objects.get()
    assert entry.keyword == "Two Words"
    assert [name for name, *_ in sent] == ["process_trigger"]

    admin_client.post(reverse("admin:videos_keywordentry_change", args=[entry.pk]), form | {"state": "paused"})
    assert not PeriodicTask.objects.filter(task=beat.TASK).exists()


@pytest.mark.parametrize("keyword", ["two words", "", "x" * 501])
def test_a_wrong_keyword_is_refused_at_its_field(admin_client: Client, keyword: str) -> None:
    KeyWordEntry.objects.create(keyword="Two Words")
    form = {"keyword": keyword, "state": "watched", "interval": "", "weight": "1", "notify": "off"}
    page = admin_client.post(reverse("admin:videos_keywordentry_add"), form)
    assert page.status_code == 200
    assert page.context["errors"]
    assert KeyWordEntry.objects.count() == 1


@pytest.mark.parametrize("model", list(admin.site._registry))
def test_who_may_only_view_has_no_actions(client: Client, rf, model: type) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    request = rf.get("/")
    request.user = viewer
    model_admin = admin.site._registry[model]
    assert model_admin.has_view_permission(request)
    assert model_admin.get_actions(request) == {}

    client.force_login(viewer)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert client.get(reverse(f"{name}_changelist")).status_code == 200
    assert client.get(reverse(f"{name}_add")).status_code == 403


def test_who_may_only_view_changes_nothing(client: Client, entry: KeyWordEntry, sent: list[tuple]) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(viewer)
    sent.clear()
    change = reverse("admin:videos_keywordentry_change", args=[entry.pk])
    assert client.get(change).status_code == 200
    form = {"keyword": entry.keyword, "state": "paused", "interval": "", "weight": "1", "notify": "off"}
    assert client.post(change, form).status_code == 403
    assert client.post(reverse("admin:videos_keywordentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    for action in ("pause", "fetch", "delete_selected"):
        chosen = {"action": action, "_selected_action": [entry.pk], "post": "yes"}
        client.post(reverse("admin:videos_keywordentry_changelist"), chosen)
    assert KeyWordEntry.objects.get(pk=entry.pk).state == "watched"
    assert not sent


def test_no_secret_is_shown_to_who_may_only_view(client: Client, entry: KeyWordEntry) -> None:
    KeyWordEntry.objects.filter(pk=entry.pk).update(
        notify_urls="json://a:sesame@h", notify_webhook="https://h/?t=sesame"
    )
    user = User.objects.create_user("viewer", is_staff=True)
    token, _ = ApiToken.objects.create(user, name="a")
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        rows = [reverse(f"{name}_change", args=[row.pk]) for row in model._default_manager.all()]
        for address in [reverse(f"{name}_changelist"), *rows]:
            answer = client.get(address)
            assert answer.status_code == 200
            assert not re.search(f"sesame|{token.digest}".encode(), answer.content), address


def test_no_secret_is_guessed_by_filters(admin_client: Client) -> None:
    secret = {"notify_urls", "notify_webhook", "digest", "nonce", "password"}
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        own = [field for field in model._meta.get_fields() if field.name in secret]
        others = [
            f"{field.name}__{other.name}"
            for field in model._meta.get_fields()
            if field.related_model
            for other in field.related_model._meta.get_fields()
            if other.name in secret
        ]
        for path in [*(field.name for field in own), *others]:
            for lookup in ("", "__startswith", "__regex", "__gte"):
                assert admin_client.get(f"{address}?{path}{lookup}=a").status_code in (302, 400), (address, path)


@pytest.mark.parametrize(
    "query",
    ["auth/user/?id__regex=[", "auth/user/?username__range=x", f"auth/user/?last_login__year={'9' * 26}",
     f"auth/user/?logentry={'9' * 26}", f"quota/quotaspend/?day__year={'9' * 26}", "videos/video/?method__regex=("],
)  # fmt: skip
def test_unusable_filters_are_left_out(admin_client: Client, entry: KeyWordEntry, query: str) -> None:
    assert admin_client.get(f"/admin/{query}", follow=True).status_code == 200


@pytest.mark.parametrize("chosen", ["x", "9" * 30, "\0", ""])
def test_unusable_rows_are_not_an_error(admin_client: Client, entry: KeyWordEntry, chosen: str) -> None:
    for name, action in [
        ("videos/keywordentry", "pause"),
        ("quota/apikey", "use_again"),
        ("auth/user", "delete_selected"),
    ]:
        form = {"action": action, "_selected_action": [chosen]}
        assert admin_client.post(f"/admin/{name}/", form, follow=True).status_code == 200


def test_the_actions(admin_client: Client, sent: list[tuple]) -> None:
    for word in ("one", "two", "three"):
        KeyWordEntry.objects.create(keyword=word)
    address = reverse("admin:videos_keywordentry_changelist")
    chosen = {"_selected_action": list(KeyWordEntry.objects.values_list("pk", flat=True)[:2])}
    rows = PeriodicTask.objects.filter(task=beat.TASK)

    admin_client.post(address, {"action": "pause", **chosen})
    assert rows.count() == 1
    admin_client.post(address, {"action": "resume", **chosen})
    assert rows.count() == 3
    admin_client.post(address, {"action": "fetch", **chosen})
    assert VideoLog.objects.filter(trigger="manual").count() == 2
    page = admin_client.post(address, {"action": "delete_selected", **chosen}).content.decode()
    assert "with its 0 videos" in page
    admin_client.post(address, {"action": "delete_selected", "post": "yes", **chosen})
    assert rows.count() == KeyWordEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "expected", "message"),
    [
        ("3600", 3600, "2 keywords now with an interval of 3,600 s."),
        ("", None, "2 keywords now with the default interval."),
        ("0", 60, "Interval: Ensure this value is greater than or equal to 1."),
        ("9999999999", 60, "Interval: Ensure this value is less than or equal to 2592000."),
        ("soon", 60, "Interval: “soon” value must be an integer."),
    ],
)
def test_the_interval_of_many_is_set(admin_client: Client, typed: str, expected: int | None, message: str) -> None:
    for word in ("one", "two", "three"):
        KeyWordEntry.objects.create(keyword=word, interval=60)
    chosen = KeyWordEntry.objects.exclude(keyword="three")
    form = {"action": "set_interval", "interval": typed, "_selected_action": list(chosen.values_list("pk", flat=True))}
    page = admin_client.post(reverse("admin:videos_keywordentry_changelist"), form, follow=True)
    assert message in unescape(page.content.decode())
    assert [entry.interval for entry in KeyWordEntry.objects.order_by("pk")] == [expected, expected, 60]
    planned = PeriodicTask.objects.filter(task=beat.TASK, interval__every=3600)
    assert planned.count() == (2 if expected == 3600 else 0)


def test_rows_lead_to_each_other(admin_client: Client, entry: KeyWordEntry) -> None:
    again = KeyWordEntry.objects.create(keyword="both")
    store(again, found_video("a"))
    to_keyword = reverse("admin:videos_keywordentry_change", args=[entry.pk])
    to_other = reverse("admin:videos_keywordentry_change", args=[again.pk])
    rows = {
        name: f"{reverse(f'admin:videos_{name}_changelist')}?keyword__id__exact={entry.pk}"
        for name in ("match", "videolog", "searchgap")
    }
    keyword_page = admin_client.get(to_keyword).content.decode()
    for address in rows.values():
        assert f'href="{address}"' in keyword_page
        assert f'href="{to_keyword}"' in admin_client.get(address).content.decode()
    assert f'href="{reverse("keyword", args=[entry.pk])}"' in keyword_page

    matches = admin_client.get(rows["match"]).content.decode()
    to_video = reverse("admin:videos_video_change", args=["a"])
    assert f'href="{to_video}"' in matches
    video = admin_client.get(to_video).content.decode()
    for address in (to_keyword, to_other, "https://www.youtube.com/watch?v=a"):
        assert f'href="{address}"' in video


@pytest.mark.parametrize("model", [Video, Match, VideoLog, SearchGap])
def test_what_fetches_write_is_only_shown(admin_client: Client, entry: KeyWordEntry, model: type) -> None:
    name, row = model._meta.model_name, model.objects.first()
    change = reverse(f"admin:videos_{name}_change", args=[row.pk])
    assert admin_client.get(change).status_code == 200
    assert admin_client.post(change, {}).status_code == 403
    assert admin_client.post(reverse(f"admin:videos_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert admin_client.get(reverse(f"admin:videos_{name}_add")).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("typed", ["ac/dc", "AC/DC", "ＡＣ/", " C/D "])
def test_keywords_are_searched_in_any_spelling(admin_client: Client, typed: str) -> None:
    for word in ("AC/DC live", "other"):
        KeyWordEntry.objects.create(keyword=word)
    page = admin_client.get(reverse("admin:videos_keywordentry_changelist"), {"q": typed})
    assert [entry.keyword for entry in page.context["cl"].result_list] == ["AC/DC live"]


def test_keywords_being_deleted_are_no_choice(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:videos_keywordentry_changelist")).content.decode()
    assert "state__exact=paused" in page
    assert "state__exact=deleting" not in page


def test_the_list_of_keywords_costs_few_queries(admin_client: Client, django_assert_max_num_queries: Any) -> None:
    KeyWordEntry.objects.bulk_create(KeyWordEntry(keyword=f"k{n}", normalized=f"k{n}") for n in range(150))
    with django_assert_max_num_queries(5):  # session, account, number of rows, rows; the filter by state
        page = admin_client.get(reverse("admin:videos_keywordentry_changelist"))
    assert len(page.context["cl"].result_list) == 50


def test_long_texts_are_cut_in_lists(admin_client: Client, entry: KeyWordEntry) -> None:
    VideoLog.objects.update(message="m" * 5000, keyword_text="w" * 500)
    Video.objects.update(title="t" * 100 + "x" * 100)
    assert "m" * 121 not in admin_client.get(reverse("admin:videos_videolog_changelist")).content.decode()
    assert "t" * 100 + "x" * 21 not in admin_client.get(reverse("admin:videos_video_changelist")).content.decode()


@pytest.mark.parametrize(("number", "says"), [(4, "4 or more"), (3, "3")])
def test_what_is_counted_up_to_a_number_says_so(
    admin_client: Client, entry: KeyWordEntry, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    monkeypatch.setattr(pagination, "COUNTED_UP_TO", 4)
    store(entry, *(found_video(f"more{n}") for n in range(number - 2)))
    for name in ("video", "match"):
        page = admin_client.get(f"/admin/videos/{name}/").content.decode()
        assert f">{says} results (" in page
        assert re.search(rf"\s{says} (videos|matches)\s", page)


def test_a_paused_keyword_has_no_plan(admin_client: Client) -> None:
    plan = {"planned_interval": 168, "next_due_at": "2026-11-01T09:30:00Z", "last_fetched_at": "2026-11-01T08:30:00Z"}
    for state in ("watched", "paused"):
        KeyWordEntry.objects.create(keyword=state, state=state)
        KeyWordEntry.objects.filter(keyword=state).update(**plan)
    page = admin_client.get("/admin/videos/keywordentry/", {"o": "1"}).content.decode()
    for column, values in {
        "every": ["-", "0:02:48"],
        "next_fetch": ["-", "2026-11-01 09:30 UTC"],
    }.items():
        assert re.findall(rf'<td class="field-{column}[^"]*">([^<]*)<', page) == values
    assert page.count(">2026-11-01 08:30 UTC</a>") == 2


@pytest.fixture
def many_logs() -> None:
    """Logs of which few have errors or were manual."""
    VideoLog.objects.bulk_create(VideoLog(keyword_text="kestrel", method="youtube") for _ in range(300))
    VideoLog.objects.create(keyword_text="gone", trigger="manual", method="invidious", error_code="quota")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's query plans")
@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("videolog/", 50),
        ("videolog/?o=0", 50),
        ("videolog/?error__exact=1", 1),
        ("videolog/?method__exact=invidious", 1),
        ("videolog/?trigger__exact=manual", 1),
        ("videolog/?q=gone", 1),
        ("videolog/?q=quota", 1),
        ("videolog/?q=Python", 2),
        ("match/", 3),
        ("match/?q=a", 1),
        ("match/?keyword__id__exact={keyword}", 1),
        ("videolog/?keyword__id__exact={keyword}", 2),
        ("searchgap/?keyword__id__exact={keyword}", 1),
        ("video/", 3),
        ("video/?o=6", 3),
    ],
)
def test_no_list_sorts_or_reads_all_of_a_big_table(
    admin_client: Client, entry: KeyWordEntry, many_logs: None, page: str, shown: int
) -> None:
    again = KeyWordEntry.objects.create(keyword="python")
    VideoLog.objects.bulk_create(VideoLog(keyword=again, keyword_text="python", method="youtube") for _ in range(2))
    store(again, found_video("c"))
    again.gaps.create(after="2026-11-01T00:00:00Z", before="2026-11-02T00:00:00Z")
    page = page.format(keyword=again.pk)
    with CaptureQueriesContext(connection) as queries:
        answer = admin_client.get(f"/admin/videos/{page}")
    assert len(answer.context["cl"].result_list) == shown
    assert len(queries) <= 5  # session, account, number of rows, keyword of the search, rows
    for sql in (query["sql"] for query in queries):
        if not re.search(r"FROM .videos_(video|match|videolog).", sql):
            continue
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"))
            steps = [detail for *_, detail in cursor.fetchall()]
        assert "USE TEMP B-TREE FOR ORDER BY" not in steps or "MULTI-INDEX OR" in steps, (sql, steps)
        if "WHERE" in sql:  # without it, a page or 10,000 rows in the order of an index
            assert not any(step.startswith("SCAN videos_") for step in steps), (sql, steps)


def test_only_columns_with_an_index_can_be_sorted(admin_client: Client, entry: KeyWordEntry) -> None:
    for name, columns in {"video": ["published", "created_at"], "match": [], "videolog": ["created_at"]}.items():
        html = admin_client.get(f"/admin/videos/{name}/").content.decode()
        assert re.findall(r"class=\"[^\"]*sortable[^\"]*column-(\w+)", html) == columns
        assert admin_client.get(f"/admin/videos/{name}/?_facets=1").context["cl"].add_facets is False


@pytest.mark.parametrize("typed", ["kestrel -nest", "hover", "channel:raptors", "video000007"])
def test_videos_are_searched_by_words_or_id(admin_client: Client, entry: KeyWordEntry, typed: str) -> None:
    store(
        entry,
        found_video("video000007", title="A kestrel", description="They hover.", channel_title="Raptors"),
        found_video("video000008", title="Kestrel nest"),
    )
    page = admin_client.get(reverse("admin:videos_video_changelist"), {"q": typed})
    assert [video.pk for video in page.context["cl"].result_list] == ["video000007"]
