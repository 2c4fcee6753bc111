"""When the day's searches are used up: the pages say until when all waits, and promise nothing before."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.conftest import MovableTime
from apps.dashboard import charts
from apps.dashboard.tests.test_quota import text_of
from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys, ledger
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling import report
from apps.videos.tests.builders import spend, watched

MIDNIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
RESET = MIDNIGHT + timedelta(days=1)


@pytest.fixture(autouse=True)
def at_night(frozen_time: MovableTime, settings, db) -> None:
    """Half past five in the evening of California: 6 h 26 min before the reset."""
    frozen_time.move_to(RESET - timedelta(hours=6, minutes=26))
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()
    watched(kestrel=10, falcon=40)
    now = timezone.now()
    KeyWordEntry.objects.update(last_fetched_at=now, searched_through=now, next_due_at=now + timedelta(minutes=5))


def test_it_works(client: Client) -> None:
    spend(100)
    page = text_of(client, "/quota/")
    assert "100 of 100 used. Next search 08:00 UTC your time (in 6 h 26 min)" in page
    assert page.count("waits until 08:00 UTC") == 2
    assert "Plan after the reset" in page
    for promise in ("Search rate", "one search every", "in 5 min", "Searches until the reset"):
        assert promise not in page


def test_no_page_promises_a_fetch_before_the_reset(client: Client) -> None:
    entry = KeyWordEntry.objects.get(keyword="kestrel")
    addresses = ["/keywords/", f"/keywords/{entry.pk}/"]
    for address in addresses:
        assert "in 5 min" in text_of(client, address)
        assert "waits until" not in text_of(client, address)
    spend(100)
    for address in addresses:
        assert "in 5 min" not in text_of(client, address)
        assert "waits until 08:00 UTC" in text_of(client, address)


def test_what_is_kept_for_manual_fetches_is_named(client: Client) -> None:
    spend(96)
    page = text_of(client, "/quota/")
    assert "96 of 100 used. The last 4 are kept for manual and first fetches. Next scheduled search 08:00 UTC" in page
    assert [(part.label, part.searches) for part in charts.budget(report.today())] == [
        ("used", 96),
        ("kept for manual and first fetches", 4),
    ]


def test_a_limit_that_youtube_reports_counts(client: Client) -> None:
    spend(60)
    ledger.mark_exhausted("birds", "search", timezone.now())
    assert "100 of 100 used. Next search" in text_of(client, "/quota/")


def test_a_pause_goes_on_though_the_reserve_has_shrunk(client: Client, frozen_time: MovableTime) -> None:
    spend(96)
    incidents.open(Incident.Kind.SEARCHES_USED_UP, "All are used.", until=RESET)
    frozen_time.move(hours=6)
    assert report.today().scheduled.left > 0
    page = text_of(client, "/quota/")
    assert "Next scheduled search 08:00 UTC" in page
    assert "one search every" not in page


def test_keywords_that_are_not_due_before_do_not_wait(client: Client) -> None:
    spend(100)
    KeyWordEntry.objects.filter(keyword="kestrel").update(next_due_at=RESET + timedelta(hours=10))
    page = text_of(client, "/keywords/")
    assert page.count("waits until") == 1
    assert "in 16 h" in page


def test_the_counts_agree_with_the_rows(client: Client) -> None:
    watched(hobby=10)  # has not been fetched
    KeyWordEntry.objects.filter(keyword="hobby").update(next_due_at=timezone.now())
    assert "waiting" not in text_of(client, "/")
    assert client.get("/api/keywords/?state=waiting").json()["count"] == 0
    spend(96)
    assert "2 waiting until 08:00 UTC" in text_of(client, "/")
    page = text_of(client, "/keywords/?state=waiting")
    assert "Waiting 2" in page
    assert page.count("waits until") == 2
    assert client.get("/api/keywords/?state=waiting").json()["count"] == 2


def test_a_first_fetch_may_use_what_is_kept(client: Client) -> None:
    spend(96)
    KeyWordEntry.objects.filter(keyword="kestrel").update(
        last_fetched_at=None, searched_through=None, next_due_at=timezone.now()
    )
    page = text_of(client, "/keywords/")
    assert page.count("waits until") == 1
    assert "Due now" in page
    spend(4)
    page = text_of(client, "/keywords/")
    assert page.count("waits until") == 2
    assert "Due now" not in page


def test_a_preview_says_when_it_is_possible(client: Client) -> None:
    spend(100)
    page = client.post("/preview/", {"keyword": "merlin"}).text
    assert "Daily search limit reached. Previews are possible in 6 h 26 min." in page
    assert KeyWordEntry.objects.find("merlin") is None


def test_a_preview_that_found_no_search_left_is_no_failure(client: Client) -> None:
    entry = KeyWordEntry.objects.get(keyword="kestrel")
    entry.logs.create(keyword_text="kestrel", status="failed", trigger="preview", message="Daily search limit reached.")
    spend(100)
    page = text_of(client, f"/keywords/{entry.pk}/")
    assert "Waiting: Daily search limit reached. Next fetch: 22 Nov 08:00 UTC" in page
    assert "failed:" not in page


def test_many_first_fetches_leave_what_is_kept(client: Client) -> None:
    spend(96)
    watched(**{f"bird{number}": 1 for number in range(6)})
    KeyWordEntry.objects.filter(last_fetched_at=None).update(next_due_at=timezone.now())
    assert text_of(client, "/keywords/").count("waits until") == 8
    assert client.get("/api/keywords/?state=waiting").json()["count"] == 8


def test_nothing_waits_while_invidious_is_searched(client: Client, settings) -> None:
    settings.INVIDIOUS_URL = "http://127.0.0.1:9"
    spend(100)
    page = text_of(client, "/quota/")
    assert "100 of 100 used. Invidious is searched until the reset." in page
    assert "waits until" not in page


def test_the_api_and_the_command_say_it_too(client: Client, capsys) -> None:
    assert client.get("/api/quota/").json()["scheduled"]["waits_until"] is None
    spend(100)
    assert client.get("/api/quota/").json()["scheduled"]["waits_until"] == "2026-11-22T08:00:00Z"
    call_command("quota")
    shown = capsys.readouterr().out
    assert "used up until the reset" in shown
    assert shown.count("waits until 08:00 UTC") == 2
    assert "one search every" not in shown


@pytest.mark.parametrize("hours_passed", [0, 4, 17.5, 23.5])
@pytest.mark.parametrize("used", [0, 30, 80, 97])
def test_a_plan_never_comes_to_more_than_is_left(
    client: Client, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch, hours_passed: float, used: int
) -> None:
    monkeypatch.setattr("apps.dashboard.views.quota.KEYWORDS", 60)
    KeyWordEntry.objects.all().delete()
    frozen_time.move_to(MIDNIGHT + timedelta(hours=hours_passed))
    watched(**{f"word{number:02}": 1 + number % 7 for number in range(60)})
    spend(used)
    # Intervals are kept while they differ little from the plan, so they may be a step too short.
    for entry in KeyWordEntry.objects.all():
        KeyWordEntry.objects.filter(pk=entry.pk).update(planned_interval=round(entry.planned_interval / 1.05))
    today = report.today()
    exact = sum(map(today.planned_of, today.plan))
    html = client.get("/quota/").content.decode()
    cells = re.findall(r'data-label="Searches until the reset" class="figure">([^<]*)<', html)
    shown = sum(0 if cell.startswith("less") else float(cell) for cell in cells)
    assert shown <= exact <= today.scheduled.left + 1e-9
    assert sum(part.searches for part in charts.budget(today)) == 100
    if not today.waits_until:
        assert (len(cells), exact > 0) == (60, True)
