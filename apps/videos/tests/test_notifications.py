"""New videos are notified once to each address of a keyword, through real webhooks."""

import hmac
import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.core.management.color import no_style
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.conftest import NOW, MovableTime
from apps.incidents.models import Incident
from apps.incidents.tests.inbox import Inbox
from apps.videos import notifications, tasks
from apps.videos.fetching import manual
from apps.videos.models import KeyWordEntry, Match, NewVideo, Video, VideoLog, watch_url
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.fetches import fetched
from simulator import Simulator

pytestmark = pytest.mark.django_db

SECRET = "hunter2"


def notify() -> None:
    """Run the chore and what it sends."""
    for subject in notifications.due_subjects():
        tasks.notify_address(subject)


@pytest.fixture
def notifying(frozen_time: MovableTime, inbox: Inbox, db: None) -> KeyWordEntry:
    """A keyword that has been searched, and is notified after each fetch."""
    entry = KeyWordEntry.objects.create(keyword="Python")
    KeyWordEntry.objects.filter(pk=entry.pk).update(searched_through=NOW)
    entry.notify = KeyWordEntry.Notify.EACH
    entry.save()
    return entry


def changed(entry: KeyWordEntry, **values: Any) -> None:
    for name, value in values.items():
        setattr(entry, name, value)
    entry.save()


def failures() -> list[str]:
    return [one.message for one in Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED)]


def post(client: Client, address: str, body: dict[str, Any], status: int, method: str = "post") -> dict[str, Any]:
    answer = getattr(client, method)(address, body, content_type="application/json")
    assert answer.status_code == status, answer.content
    return dict(answer.json())


def test_it_works(entry: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime, sent: list[tuple[Any, ...]]) -> None:
    changed(entry, notify="each")
    assert fetched(entry).number_added > 0
    notify()
    assert inbox.messages == [], "the first fetch finds old videos"

    frozen_time.move(hours=2)
    known = set(Match.objects.values_list("video", flat=True))
    sent.clear()
    tasks.process_trigger(entry.pk)
    assert ("notify_of_videos", (), {}) in sent
    notify()
    notify()
    (message,) = inbox.messages
    new = Video.objects.exclude(pk__in=known)
    assert message["title"] == f"Windhover: {len(new)} new videos for “Python”"
    for video in new:
        assert (
            f"{video.channel_title}, {video.published_at:%-d %B %Y, %H:%M} UTC\n{video.watch_url}" in message["message"]
        )
    assert not NewVideo.objects.exists()


def test_switching_it_on_sends_no_old_videos(notifying: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime) -> None:
    changed(notifying, notify="off")
    store(notifying, found_video("found-while-off", published_at=NOW))
    frozen_time.move(hours=3)
    changed(notifying, notify="each")
    store(
        notifying,
        found_video("found-while-off", published_at=NOW),
        found_video("made-while-off", published_at=NOW + timedelta(hours=1, minutes=29)),
        found_video("indexed-late", published_at=NOW + timedelta(hours=1, minutes=31)),
    )
    notify()
    (message,) = inbox.messages
    assert "indexed-late" in message["message"]
    assert "while-off" not in message["message"]


def test_a_date_from_the_future_does_not_stop_it(entry: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime) -> None:
    """The clock was ahead when notifications were switched on."""
    fetched(entry)
    frozen_time.move(days=400)
    changed(entry, notify="each")
    frozen_time.move_to(NOW + timedelta(hours=1))
    fetched(entry)
    store(entry, found_video(published_at=datetime.now(UTC)))
    notify()
    assert len(inbox.messages) == 1


def test_a_database_that_numbers_rows_anew_stops_no_notification(notifying: KeyWordEntry, inbox: Inbox) -> None:
    """As one that was restored, or moved to PostgreSQL, when all was sent and deleted."""
    for _ in range(2):
        store(notifying, *(found_video(published_at=NOW) for _ in range(3)))
        notify()
        assert not NewVideo.objects.exists()
        table = {"table": NewVideo._meta.db_table, "column": "id"}
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_by_name_sql(no_style(), [table]):
                cursor.execute(statement)
    assert len(inbox.messages) == 2


def test_what_was_not_sent_is_forgotten_when_it_is_switched_off(notifying: KeyWordEntry, inbox: Inbox) -> None:
    changed(notifying, notify="daily")
    store(notifying, found_video(published_at=NOW))
    changed(notifying, notify="off")
    changed(notifying, notify="each")
    notify()
    assert inbox.messages == []


def test_an_address_that_is_away_gets_everything_later(
    notifying: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime
) -> None:
    changed(notifying, notify_urls=f"json://127.0.0.1:{inbox.port}/one json://me:secret@127.0.0.1:{inbox.port}/two")
    inbox.refused = {"/two"}
    for number in range(5):
        store(notifying, found_video(f"number-{number}", published_at=NOW))
        notify()
        frozen_time.move(minutes=12)
    assert [len(inbox.at(path)) for path in ("/one", "/two")] == [5, 0]
    assert failures() == ["Entry 2 of notify_urls of “Python” (json) did not accept a message."]

    inbox.refused = set()
    frozen_time.move(minutes=15)
    notify()
    notify()
    # What was tried once is repeated as it was; the rest follows.
    assert [one.content["title"] for one in inbox.at("/two")] == [
        "Windhover: 1 new video for “Python”",
        "Windhover: 4 new videos for “Python”",
    ]
    assert len(inbox.at("/one")) == 5
    assert failures() == []
    assert not NewVideo.objects.exists()


def test_an_address_that_is_away_for_long_misses_the_oldest(
    notifying: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime
) -> None:
    """The outbox does not grow without end; the problem says how many were dropped."""
    other = KeyWordEntry.objects.create(keyword="Rust", searched_through=NOW)
    for entry in (notifying, other):
        changed(entry, notify="each", notify_webhook=f"http://127.0.0.1:{inbox.port}/")
    inbox.refused = {"/"}
    store(notifying, found_video("first", published_at=NOW))
    for day in range(12):
        store(notifying, found_video(f"python-{day}", published_at=NOW))
        store(other, found_video(f"rust-{day}", published_at=NOW))
        notify()
        frozen_time.move(days=1)
    notify()
    # Found on the days 5 to 11, none more than seven days ago.
    assert NewVideo.objects.count() == 14
    (failure,) = failures()
    assert failure.endswith("(HTTP 500). It missed 11 new videos, found more than 7 days ago.")

    inbox.received.clear()
    inbox.refused = set()
    frozen_time.move(minutes=15)
    notify()
    sent = [video["video_id"] for message in inbox.messages for video in message["videos"]]
    assert sorted(sent) == sorted(f"{word}-{day}" for word in ("python", "rust") for day in range(5, 12))
    assert failures() == []
    assert not NewVideo.objects.exists()

    inbox.refused = {"/"}
    store(other, found_video("new", published_at=NOW))
    notify()
    (failure,) = failures()
    assert failure.endswith("did not accept a message (HTTP 500)."), "what was missed before is forgotten"


def test_nothing_is_dropped_because_a_clock_was_ahead(
    notifying: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime
) -> None:
    store(notifying, found_video(published_at=NOW))
    frozen_time.move(days=400)
    notify()
    assert len(inbox.messages) == 1


@pytest.mark.parametrize(
    ("digest", "late", "soon", "on_time"),
    [
        ("hourly", {"minutes": 40}, {"minutes": 19}, {"minutes": 1}),
        ("daily", {"hours": 11}, {"minutes": 59}, {"minutes": 1}),
    ],
)
def test_a_digest_comes_at_its_time(
    notifying: KeyWordEntry,
    inbox: Inbox,
    frozen_time: MovableTime,
    settings: Any,
    digest: str,
    late: dict[str, float],
    soon: dict[str, float],
    on_time: dict[str, float],
) -> None:
    """It is 20:00 in UTC, and 21:00 in Berlin."""
    settings.DIGEST_HOUR, settings.DIGEST_TIME_ZONE = 9, ZoneInfo("Europe/Berlin")
    changed(notifying, notify=digest)
    store(notifying, *(found_video(f"first-{number:03}", published_at=NOW) for number in range(150)))
    frozen_time.move(**late)
    store(notifying, *(found_video(f"second-{number:03}", published_at=NOW) for number in range(50)))
    frozen_time.move(**soon)
    notify()
    assert inbox.messages == []
    frozen_time.move(**on_time)
    store(notifying, found_video("of-the-next-one", published_at=NOW))
    notify()
    (message,) = inbox.messages
    assert message["title"] == "Windhover: 200 new videos for “Python”"
    assert message["message"].count("https://www.youtube.com/watch?v=") == 20
    assert "A channel, 20 November 2026, 21:00 CET" in message["message"]
    assert message["message"].endswith("and 180 more")
    assert "next-one" not in str(message)
    assert NewVideo.objects.count() == 1


def test_daily_digests_follow_the_local_clock(settings: Any) -> None:
    settings.DIGEST_HOUR, settings.DIGEST_TIME_ZONE = 2, ZoneInfo("Europe/Berlin")
    for now, end in [
        ("2026-03-29T00:59Z", "2026-03-28T01:00Z"),
        ("2026-03-29T01:00Z", "2026-03-29T01:00Z"),  # 02:00 does not exist; this is 03:00
        ("2026-10-24T23:59Z", "2026-10-24T00:00Z"),
        ("2026-10-25T00:30Z", "2026-10-25T00:00Z"),  # the first of two 02:30
        ("2026-10-25T01:30Z", "2026-10-25T00:00Z"),
        ("2026-10-26T00:59Z", "2026-10-25T00:00Z"),
    ]:
        assert notifications._digests(datetime.fromisoformat(now))[1] == datetime.fromisoformat(end), now


def test_a_webhook_gets_signed_videos(notifying: KeyWordEntry, inbox: Inbox, settings: Any, client: Any) -> None:
    settings.WEBHOOK_SECRET = "shared with the receiver"
    changed(notifying, notify_webhook=f"http://127.0.0.1:{inbox.port}/hook?token=secret")
    store(notifying, found_video("a", title="<b>隼 & 🦅</b>", published_at=NOW))
    notify()
    (received,) = inbox.received
    assert received.path == "/hook?token=secret"
    expected = hmac.new(b"shared with the receiver", received.body, "sha256").hexdigest()
    assert received.headers["X-Windhover-Signature"] == f"sha256={expected}"
    assert received.headers["X-Windhover-Delivery"] == received.content["id"]
    assert datetime.fromisoformat(received.content["sent_at"]) == NOW
    assert received.content["keyword"] == {"id": notifying.pk, "keyword": "Python"}
    assert received.content["videos"] == client.get("/api/videos/").json()["results"]


def test_a_repeated_delivery_can_be_recognized(
    notifying: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(notifying, notify_webhook=f"http://127.0.0.1:{inbox.port}/")
    store(notifying, found_video("a", published_at=NOW))
    with monkeypatch.context() as patch:
        patch.setattr("apps.videos.models.Receiver.accept", lambda self: sys.exit("killed"))
        with pytest.raises(SystemExit):
            notify()
    store(notifying, found_video("b", published_at=NOW))
    frozen_time.move(minutes=3)
    notify()
    first, again, other = inbox.messages
    assert first["id"] == again["id"] != other["id"]
    assert first["videos"] == again["videos"]
    assert [video["video_id"] for video in other["videos"]] == ["b"]


def test_only_one_worker_sends(notifying: KeyWordEntry, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    store(notifying, found_video(published_at=NOW))
    deliver = notifications._deliver

    def deliver_meanwhile(*args: Any) -> None:
        monkeypatch.setattr(notifications, "_deliver", deliver)
        notify()
        deliver(*args)

    monkeypatch.setattr(notifications, "_deliver", deliver_meanwhile)
    notify()
    assert len(inbox.messages) == 1


def test_an_address_that_hangs_delays_no_other(
    notifying: KeyWordEntry, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, frozen_time: MovableTime
) -> None:
    monkeypatch.setattr("apps.incidents.notify.SEND_SECONDS", 0.2)
    monkeypatch.setattr("core.webhook.TIMEOUT_SECONDS", 0.2)
    inbox.slow = {"/slow", "/hook"}
    addresses = [f"json://127.0.0.1:{inbox.port}{path}" for path in ("/slow", "/fast")]
    changed(notifying, notify_urls=" ".join(addresses), notify_webhook=f"http://127.0.0.1:{inbox.port}/hook")
    store(notifying, found_video(published_at=NOW))
    notify()
    assert [one.path for one in inbox.received] == ["/fast"]
    assert sorted(failures()) == [
        "Entry 1 of notify_urls of “Python” (json) did not accept a message.",
        "The webhook of “Python” did not accept a message (no response within 0.2 seconds).",
    ]


def test_a_failing_address_is_tried_after_growing_delays(
    notifying: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr("apps.incidents.notify.deliver", lambda *args: tried.append(datetime.now(UTC)))
    store(notifying, found_video(published_at=NOW))
    for _ in range(50):
        notify()
        frozen_time.move(minutes=1)
    assert [round((at - NOW).total_seconds() / 60) for at in tried] == [0, 1, 2, 4, 8, 16, 31, 46]


def test_the_text_is_escaped_where_html_is_sent(notifying: KeyWordEntry, inbox: Inbox) -> None:
    changed(notifying, notify_urls=f"json://127.0.0.1:{inbox.port}/?format=html")
    store(notifying, found_video(title="<b>News</b> & more", channel_title="<script>", published_at=NOW))
    notify()
    (message,) = inbox.messages
    assert "&lt;b&gt;News&lt;/b&gt;" in message["message"]
    assert "<b>" not in message["message"]
    assert "<script>" not in message["message"]


def test_without_an_address_nothing_is_kept(notifying: KeyWordEntry, settings: Any) -> None:
    settings.NOTIFY_URLS = ""
    store(notifying, found_video(published_at=NOW))
    notify()
    assert not NewVideo.objects.exists()


def test_a_new_address_gets_what_the_old_one_did_not(
    notifying: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime
) -> None:
    changed(notifying, notify_webhook="http://127.0.0.1:1/nothing-listens")
    store(notifying, found_video("a", published_at=NOW))
    notify()
    assert failures() == ["The webhook of “Python” did not accept a message (it could not be reached)."]
    changed(notifying, notify_webhook=f"http://127.0.0.1:{inbox.port}/")
    notify()
    assert len(inbox.messages) == 1
    assert failures() == []


def test_a_preview_and_what_it_found_are_not_notified(
    youtube: Simulator, inbox: Inbox, frozen_time: MovableTime, client: Client
) -> None:
    entry, _ = manual.preview("Kestrels")
    fetched(entry, VideoLog.Trigger.PREVIEW)
    frozen_time.move(hours=3)
    post(client, "/api/keywords/", {"keyword": "kestrels", "notify": "each"}, 201)
    assert fetched(entry, VideoLog.Trigger.MANUAL).number_added > 0
    notify()
    listed = [line for line in inbox.messages[0]["message"].splitlines() if "watch?v=" in line]
    recent = entry.matches.filter(published_at__gte=NOW + timedelta(hours=1.5)).newest_first()
    assert listed == [watch_url(match.video_id) for match in recent]


def test_a_gap_from_before_the_first_search_is_not_notified(
    entry: KeyWordEntry, inbox: Inbox, frozen_time: MovableTime
) -> None:
    changed(entry, notify="each", state="paused")
    frozen_time.move(days=1)
    changed(entry, state="watched")
    fetched(entry)
    old = found_video(published_at=NOW + timedelta(hours=22))
    store(entry, old, found_video(published_at=datetime.now(UTC)))
    notify()
    assert inbox.messages[0]["title"] == "Windhover: 1 new video for “Python”"


def test_addresses_are_set_by_the_api_and_never_shown(
    client: Client, admin_client: Client, inbox: Inbox, caplog: pytest.LogCaptureFixture, sent: Any
) -> None:
    inbox.refuses = True
    chosen = {
        "keyword": "Python",
        "notify": "each",
        "notify_urls": f"json://me:{SECRET}@127.0.0.1:{inbox.port}",
        "notify_webhook": f"http://127.0.0.1:{inbox.port}/?token={SECRET}",
    }
    body = post(client, "/api/keywords/", chosen, 201)
    assert (body["notify"], body["notify_to"]) == ("each", ["json", "webhook"])
    assert not body.keys() & {"notify_urls", "notify_webhook"}
    entry = KeyWordEntry.objects.get()
    KeyWordEntry.objects.update(notify_since=timezone.now())
    store(entry, found_video(published_at=timezone.now()))
    with caplog.at_level(logging.DEBUG, logger="apps"):
        notify()
    assert len(failures()) == 2
    pages = ["/", f"/keywords/{entry.pk}/", "/api/keywords/", "/api/quota/", f"/api/keywords/{entry.pk}/"]
    pages += [reverse("admin:videos_keywordentry_change", args=[entry.pk])]
    pages += [reverse("admin:incidents_incident_changelist")]
    shown = [admin_client.get(page).content.decode() for page in pages]
    assert SECRET not in "".join([*shown, *failures(), caplog.text, repr(entry.addresses), str(sent)])

    address = f"/api/keywords/{entry.pk}/"
    assert post(client, address, {"notify_webhook": ""}, 200, "patch")["notify_to"] == ["json"]
    assert post(client, address, {"notify_urls": ""}, 200, "patch")["notify_to"] == ["json"], "NOTIFY_URLS"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("notify", "weekly"),
        ("notify", None),
        ("notify_urls", f"no-such-service://{SECRET}"),
        ("notify_urls", f"json://localhost discord://{SECRET}"),
        ("notify_urls", "x" * 2001),
        ("notify_webhook", f"ftp://example.org/{SECRET}"),
        ("notify_webhook", f"http:///{SECRET}"),
        ("notify_webhook", f"http://exa mple.org/{SECRET}"),
        ("notify_webhook", SECRET),
        ("notify_webhook", ["http://localhost"]),
        ("notify_to", ["mailto"]),
    ],
)
def test_wrong_values_are_named_and_not_repeated(client: Client, field: str, value: Any) -> None:
    body = post(client, "/api/keywords/", {"keyword": "Python", field: value}, 201 if field == "notify_to" else 400)
    assert field in body.get("errors", body)
    assert SECRET not in str(body)


def test_the_admin_replaces_addresses_and_removes_them(admin_client: Client, settings: Any) -> None:
    entry = KeyWordEntry.objects.create(keyword="Python", notify_urls=f"json://{SECRET}")
    address = reverse("admin:videos_keywordentry_change", args=[entry.pk])
    form = {"keyword": "Python", "state": "watched", "interval": "", "weight": "1", "notify": "daily"}
    admin_client.post(address, form | {"notify_webhook": "https://example.org"})
    entry.refresh_from_db()
    assert (entry.notify, entry.notify_urls, entry.notify_webhook) == (
        "daily",
        f"json://{SECRET}",
        "https://example.org",
    )
    wrong = admin_client.post(address, form | {"notify_urls": f"nonsense-{SECRET}"})
    assert wrong.context["errors"]
    assert SECRET not in wrong.content.decode()
    chosen = {"action": "remove_addresses", "_selected_action": [entry.pk]}
    admin_client.post(reverse("admin:videos_keywordentry_changelist"), chosen)
    entry.refresh_from_db()
    assert (entry.notify_urls, entry.notify_webhook) == ("", "")


def test_a_command_sends_a_test_message(
    notifying: KeyWordEntry, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(notifying, notify_urls=f"json://127.0.0.1:{inbox.port}", notify_webhook=f"http://127.0.0.1:{inbox.port}/x")
    call_command("notify", "--test", "--keyword", "python")
    message, to_webhook = inbox.messages
    assert (message["title"], to_webhook["videos"]) == ("Windhover: test message", [])
    inbox.refused = {"/x"}
    with pytest.raises(CommandError, match="Not every address"):
        call_command("notify", "--test", "--keyword", "python")
    assert "The webhook of “Python” did not accept the message." in capsys.readouterr().out
