"""The quota page, the cost of a keyword; the page, the API and the command agree."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.conftest import MovableTime
from apps.dashboard import charts
from apps.dashboard.plan_text import about, at_most
from apps.dashboard.times import roughly
from apps.quota import keys, ledger
from apps.quota.models import QuotaSpend
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import beat, plan, report
from apps.videos.tests.builders import spend, watched

MIDNIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def one_key(frozen_time: MovableTime, settings, db) -> None:
    settings.SHARE_SEARCHES = False
    frozen_time.move_to(MIDNIGHT)
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()


def text_of(client: Client, address: str) -> str:
    """Return the text of a page, without tags and with white space collapsed."""
    html = client.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_it_works(client: Client) -> None:
    watched(kestrel=10, falcon=40)
    spend(3)
    page = text_of(client, "/quota/")
    assert "95 of 98" in page
    assert "3 of 100 used. They last until the reset." in page
    assert "at 08:00 UTC (in 1 day)" in page
    assert "3 of 100" in page
    assert page.index("falcon") < page.index("kestrel")
    assert "secret" not in page


def test_nothing_to_show_is_no_failure(client: Client, settings) -> None:
    assert "No keywords are being watched" in text_of(client, "/quota/")
    settings.YT_KEYS = []
    keys.sync()
    assert "YouTube is not searched" in text_of(client, "/quota/")


def test_it_shows_refused_keys_and_limits(client: Client, settings) -> None:
    settings.YT_KEYS = [("birds", "a-secret-key"), ("cats", "b-secret-key"), ("dogs", "c-secret-key")]
    keys.sync()
    birds, cats, _ = [key for key, _ in keys.usable()]
    keys.refuse(birds, "It has expired.")
    keys.cool_down(cats, "Unknown reason.", timedelta(minutes=15))
    ledger.mark_exhausted("dogs", "search", timezone.now())
    page = text_of(client, "/quota/")
    assert re.search(r"refused\s+It has expired\.", page)
    assert re.search(r"cooling down; tried again in 15 min\s+Unknown reason\.", page)
    assert "YouTube reported the limit reached now" in page


def test_a_key_whose_cooldown_is_over_is_tried_again(client: Client, frozen_time: MovableTime) -> None:
    (key,) = [key for key, _ in keys.usable()]
    keys.cool_down(key, "Unknown reason.", timedelta(minutes=15))
    frozen_time.move(minutes=20)
    assert "cooling down; tried again with the next search" in text_of(client, "/quota/")


def test_it_shows_until_when_searches_last(client: Client) -> None:
    KeyWordEntry.objects.create(keyword="kestrel", interval=60)
    KeyWordEntry.objects.update(planned_interval=600)
    shown = r"At this rate they last until \d\d:\d\d UTC your time \(in [^)]+\)"
    assert re.search(shown, text_of(client, "/quota/"))


def test_a_search_rate_is_never_one_in_0_seconds(client: Client, settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.YT_SEARCHES_PER_DAY = {"": 10_000_000}
    watched(**{f"word{number}": 1 for number in range(20)})
    KeyWordEntry.objects.update(interval=1, planned_interval=1)
    call_command("quota")
    for shown in (text_of(client, "/quota/"), capsys.readouterr().out):
        assert "several searches a second" in shown
        assert "every 0 s" not in shown


def test_it_shows_rare_searches_and_stretched_intervals(client: Client) -> None:
    watched(**{f"word{number}": 1 for number in range(120)})
    assert "not enough searches: less than once a day" in text_of(client, "/quota/")
    KeyWordEntry.objects.exclude(keyword="word1").delete()
    entry = KeyWordEntry.objects.get()
    entry.interval = 60
    entry.save()
    beat.sync()
    assert "requested every 1 min; not enough searches" in text_of(client, "/quota/")


def test_a_long_plan_has_pages(client: Client) -> None:
    watched(**{f"word{number:03}": 1 for number in range(101)})
    assert "Page 1 of 3" in text_of(client, "/quota/")
    assert "word100" in text_of(client, "/quota/?page=3")


def test_the_charts_show_the_searches_used(client: Client, frozen_time: MovableTime) -> None:
    watched(kestrel=10)
    for back in range(1, 4):
        day = (MIDNIGHT - timedelta(days=back)).date()
        QuotaSpend.objects.create(project="birds", day=day, bucket="search", used=20 * back)
    frozen_time.move(hours=5)
    html = client.get("/quota/").content.decode()
    assert (
        '<th role="rowheader" scope="row">Wed 18 November</th><td role="cell" class="figure" data-label="used">60'
        in html
    )
    assert 'class="bar" x="26.10" y="40.00" width="0.80" height="60.00"' in html
    assert html.count('<rect class="planned"') - 1 == 24 - 5, "the hour that has begun, too; one is the day's bar"
    assert "13:00 UTC to 14:00 UTC 0 4" in text_of(client, "/quota/")


@pytest.mark.parametrize("interval", [None, 60])
def test_polling_within_a_minute_gets_nothing_new(
    client: Client, frozen_time: MovableTime, interval: int | None
) -> None:
    watched(kestrel=10, falcon=40)
    KeyWordEntry.objects.update(interval=interval, planned_interval=interval or 6000)
    keys.cool_down(keys.usable()[0][0], "Unknown reason.", timedelta(hours=1))  # with the form of a button
    frozen_time.move(hours=3, seconds=10)
    first = client.get("/quota/", headers={"HX-Request": "true"})
    frozen_time.move(seconds=40)
    asked = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert client.get("/quota/", headers=asked).status_code == 304
    spend(1)
    assert client.get("/quota/", headers=asked).status_code == 200


def test_without_searches_there_is_no_bar(client: Client, settings) -> None:
    settings.INVIDIOUS_URL = "http://127.0.0.1:9"
    keys.refuse(keys.usable()[0][0], "It has expired.")
    watched(kestrel=10)
    page = client.get("/quota/").content.decode()
    assert "Invidious is searched instead." in page
    assert 'class="budget"' not in page


def test_the_form_shows_the_cost_of_adding_a_keyword(client: Client, frozen_time: MovableTime) -> None:
    assert "Once watched, it is searched about every 15 min." in text_of(client, "/")
    frozen_time.move(seconds=plan.COST_SECONDS)
    watched(kestrel=10, falcon=10, hobby=10, merlin=10, harrier=10, buzzard=10)
    cost = plan.cost_of_adding()
    assert (cost.others, cost.before) == (0, round(86_400 * 6 / 98))
    shown = f"Adding a keyword slows the others: about every {roughly(cost.interval)} instead of 1 h 28 min."
    assert shown in text_of(client, "/")
    assert "1 h 43 min" in shown
    KeyWordEntry.objects.bulk_create(
        KeyWordEntry(keyword=f"w{n}", normalized=f"w{n}", next_due_at=MIDNIGHT) for n in range(100)
    )
    frozen_time.move(seconds=plan.COST_SECONDS)
    assert "some would be searched less than once a day" in text_of(client, "/")


def test_the_cost_is_hidden_without_permission_to_add(client: Client, settings) -> None:
    settings.SIGN_IN = "write"
    assert "searched about every" not in text_of(client, "/")


def test_the_api_and_the_command_agree_with_the_page(client: Client, capsys, frozen_time: MovableTime) -> None:
    watched(kestrel=10, falcon=40)
    greedy = KeyWordEntry.objects.create(keyword="日本語", interval=60)
    frozen_time.move(hours=3)
    spend(30)
    beat.sync()
    KeyWordEntry.objects.update(searched_through=timezone.now(), next_due_at=timezone.now() + timedelta(hours=1))

    body = client.get("/api/quota/").json()
    call_command("quota")
    shown = capsys.readouterr().out

    assert body["scheduled"] == {
        "searches_per_day": 98,
        "left": 68,
        "search_rate": pytest.approx(sum(86_400 / entry.planned_interval for entry in KeyWordEntry.objects.all())),
        "ends_at": None,
        "waits_until": None,
        "waits_for_key": False,
    }
    assert "Scheduled searches left: 68 of 98." in shown
    assert "Lasts: until the reset." in shown
    assert "The quota resets in 21 h, at 08:00 UTC (00:00 Pacific)." in shown
    page = text_of(client, "/quota/")
    assert "68 of 98" in page
    for line in body["plan"]:
        entry = KeyWordEntry.objects.get(pk=line["id"])
        assert line["planned_interval"] == entry.planned_interval == round(86_400 / line["searches_per_day"])
        assert line["expected_delay"] == entry.planned_interval // 2
        assert (line["rate"], line["stretched"]) == (entry.rate, entry == greedy)
        (row,) = [row for row in shown.splitlines() if row.startswith(entry.keyword)]
        planned = at_most(report.today().planned_of(entry))
        assert f"  {planned}  " in row
        assert ("requested every 1 min" in row) == line["stretched"]
        interval, delay = roughly(entry.planned_interval), roughly(entry.planned_interval // 2)
        assert f"{planned} {interval} {delay} in 1 h" in page
        assert f"  {interval}" in row
    # Wide characters count as two columns.
    assert (
        len({row.find("in 1 h") + row.startswith("日本語") * 3 for row in shown.splitlines() if "in 1 h" in row}) == 1
    )
    assert "secret" not in shown


def test_the_command_shows_problems(settings, capsys) -> None:
    watched(kestrel=10)
    (key,) = [key for key, _ in keys.usable()]
    spend(98)
    ledger.mark_exhausted("birds", "search", timezone.now())
    call_command("quota")
    shown = capsys.readouterr().out
    assert "0 (YouTube reported the limit reached)" in shown
    assert "used up until the reset" in shown

    keys.refuse(key, "The key is invalid.")
    call_command("quota")
    shown = capsys.readouterr().out
    assert "No usable key" in shown
    assert "The key is invalid." in shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (0.04, "less than 0.1"), (0.3, "0.3"), (0.39, "0.3"), (3, "3"), (9.99, "9.9"), (1234.9, "1,234")],
)
def test_what_must_not_add_up_to_more_is_rounded_down(number: float, shown: str) -> None:
    assert at_most(number) == shown


@pytest.mark.parametrize(("number", "shown"), [(0.25, "0.2"), (9.94, "9.9"), (12.4, "12"), (1234.5, "1,234")])
def test_estimates_are_rounded(number: float, shown: str) -> None:
    assert about(number) == shown


def test_what_is_still_planned_today_is_what_is_left(frozen_time: MovableTime) -> None:
    watched(kestrel=10, falcon=10)
    frozen_time.move(hours=12)
    spend(92)
    hours = charts.hours(report.today())
    assert 0 < sum(planned for _, planned in (place.values for place in hours.places)) <= 6 + 1e-6


def test_the_cost_is_computed_again_when_a_plan_is_requested_or_after_a_minute(
    client: Client, frozen_time: MovableTime, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    watched(**dict.fromkeys("abcdef", 10))
    assert "Adding a keyword slows the others: about every 1 h 43 min instead of 1 h 28 min." in text_of(client, "/")
    with monkeypatch.context() as patched:
        patched.setattr(plan, "share_out", None)  # fails if it is called
        text_of(client, "/")
    frozen_time.move(seconds=1)
    with django_capture_on_commit_callbacks(execute=True):
        KeyWordEntry.objects.create(keyword="g")
    assert "instead of 1 h 43 min." in text_of(client, "/")
    KeyWordEntry.objects.filter(keyword="g").update(interval=3600)
    frozen_time.move(seconds=plan.COST_SECONDS)
    assert "on the default interval: about every 2 h 16 min instead of 1 h 57 min." in text_of(client, "/")


def test_the_api_lists_the_beginning_of_a_long_plan(client: Client, django_assert_num_queries) -> None:
    KeyWordEntry.objects.bulk_create(
        KeyWordEntry(keyword=f"word {number}", normalized=f"word {number}", planned_interval=number)
        for number in range(120, 0, -1)
    )
    with CaptureQueriesContext(connection) as queries:
        body = client.get("/api/quota/").json()
    assert body["keywords"] == 120
    assert [line["planned_interval"] for line in body["plan"]] == list(range(1, 101))
    assert body["scheduled"]["search_rate"] == pytest.approx(sum(86_400 / number for number in range(1, 121)))
    assert len(queries) == 20
    last = client.get("/api/keywords/?page=12").json()["results"]
    assert {"searches_per_day", "expected_delay", "stretched", "below_daily_minimum"} <= last[0].keys()
