"""What people type into a search finds the videos they mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.videos import fulltext
from apps.videos.models import KeyWordEntry, Match, Video

NEWEST = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def add(video_id: str, title: str = "", *, minutes_ago: int = 0, **fields: Any) -> Video:
    published = NEWEST - timedelta(minutes=minutes_ago)
    return Video.objects.create(
        video_id=video_id, title=title, published_at=published, created_at=NEWEST, updated_at=NEWEST, **fields
    )


def found(text: str) -> set[str]:
    return set(Video.objects.search(text).values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        # Words: all of them, in any order and any column.
        ("kestrel", {"hover", "nest"}),
        ("KESTREL hovering", {"hover"}),
        ("hovering kestrel", {"hover"}),
        ("kestrel raptors", {"hover"}),
        ("kestrel channelname", {"nest"}),
        ("kestre", set()),
        ("kestrel absent", set()),
        # Phrases.
        ('"kestrel hovering"', {"hover"}),
        ('"hovering kestrel"', set()),
        ('"wind in"', {"hover"}),
        ('"wind about"', set()),  # the end of a title and the beginning of a description
        # Exclusions.
        ("kestrel -nest", {"hover"}),
        ('kestrel -"the nest" -absent', {"hover"}),
        ("-kestrel", {"other"}),
        # Prefixes.
        ("kest*", {"hover", "nest"}),
        ("kestrel hov*", {"hover"}),
        ("kestrel -hov*", {"nest"}),
        # Channels.
        ("channel:raptors", {"hover"}),
        ("channel:kestrel", set()),
        ('channel:"birds of prey"', {"nest"}),
        ('channel:"prey of birds"', set()),
        ("channel:bir*", {"nest"}),
        ("kestrel -channel:raptors", {"nest"}),
        ("Channel:RAPTORS kestrel", {"hover"}),
        # Words with punctuation in them are phrases.
        ("rock-n-roll", {"other"}),
        ("roll-n-rock", set()),
        ("example.com/path?a=1", {"other"}),
        ("AC/DC", {"other"}),
        ("'kestrel',", {"hover", "nest"}),
    ],
)
def test_the_language(typed: str, expected: set[str]) -> None:
    add("hover", "A kestrel hovering in the wind", description="About: the wind in grass", channel_title="Raptors TV")
    add("nest", "Kestrel at the nest", channel_title="Birds of Prey ChannelName")
    add("other", "Rock-n-roll by AC/DC", description="See https://example.com/path?a=1.", channel_title="Music_Box")
    assert found(typed) == expected


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        ("Le café noir", "cafe"),
        ("Le cafe noir", "CAFÉ"),
        ("Le cafe\u0301 noir", "café"),
        ("Đà Nẵng, Việt Nam", "nang viet"),
        ("Ångström", "angstrom"),
        ("Ελλάδα ΣΊΣΥΦΟΣ", "ελλάδα σίσυφος"),
        ("МОСКВА сегодня", "москва"),
        ("日本語の勉強をする", "日本"),
        ("日本語の勉強をする", "日本語の勉強"),
        ("日本語の勉強をする", "する"),
        ("日本語の勉強をする", "勉"),
        ("日本語の勉強をする", "る"),
        ("日本語の勉強をする", "勉強 日本"),
        ("日本語の勉強をする", '"の勉強を"'),
        ("【新作】iPhone充電器", "iphone充電"),
        ("充電iPhone", "充電iphone"),
        ("대한민국에서 여행하기", "민국"),
        ("대한민국에서 여행하기", "여행"),
        ("대한민국에서 여행하기", "대한민국에서 여행"),
        ("สวัสดีครับเพื่อน", "ครับ"),
        ("สวัสดีครับเพื่อน", "พื"),
        ("قرأت الكتاب في البيت", "كتاب"),
        ("قرأت الكتاب في البيت", "بيت"),
        ("مُحَمَّد", "محمد"),
        ("می‌خواهم", "میخواهم"),
        ("हिन्दी समाचार", "हिन्दी"),
        ("Party 🎉🎉 tonight", "🎉"),
        ("Party🎉tonight", "party tonight"),
        ("I ❤️ this", "❤"),
        ("I ❤ this", "❤️"),
        ("👨‍👩‍👧 family", "👨‍👩‍👧"),
        ("Nike® shoes │music│", "nike music"),
        ("C’est l’été", "l'été"),
    ],
)
def test_every_script_is_found(title: str, typed: str) -> None:
    add("it", title)
    add("other", "another one; 別の動画; 다른 영상; วิดีโออื่น; فيديو آخر; 🦅")
    assert found(typed) == {"it"}


@pytest.mark.parametrize(
    ("title", "typed"),
    [("日本語の勉強", "本日"), ("東京都", "京東"), ("スーパーマン", "スパ"), ("여행하기", "행여"), ("🎉", "🎊")],
)
def test_other_characters_are_not_found(title: str, typed: str) -> None:
    add("it", title)
    assert found(typed) == set()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ('"kestrel hovering', {"it"}),
        ('kestrel"', {"it"}),
        ('"" kestrel', {"it"}),
        ("kestrel -", {"it"}),
        ("- kestrel", {"it"}),
        ("kestrel *", {"it"}),
        ("*kestrel", {"it"}),
        ("channel: ", {"other"}),
        ("kestrel channel:", set()),
        ("kestrel\x00hovering", {"it"}),
        ("(kestrel)", {"it"}),
        ("^kestrel: {hovering} + 'a'", {"it"}),
        ("--kestrel", {"other"}),
        ("AND", {"other"}),
        ("kestrel AND", set()),
        ("OR", {"other"}),
        ("NOT", {"other"}),
        ("NEAR(kestrel hovering, 5)", set()),
        ("kestrel & | ! <-> :* \\", {"it"}),
        ("\ud800kestrel", {"it"}),
        ("title:kestrel", set()),
        ("!!!", set()),
        ("-!!!", set()),
        ('"', set()),
        ("*", set()),
        ("\x00", set()),
        ("", {"it", "other"}),
        ("  \t ", {"it", "other"}),
        ("kestrel " * 5000, {"it"}),
        ("x" * 100_000, set()),
        ("日" * 100_000, set()),
        ('"' * 1001, set()),
        ("-a" * 5000, {"it", "other"}),
    ],
)
def test_no_text_is_an_error(typed: str, expected: set[str]) -> None:
    add("it", "A kestrel hovering: a bird")
    add("other", "this and that, or not; a channel")
    assert found(typed) == expected
    assert Video.objects.search(typed).order_by("-published_at")[:10].count() == len(expected)


def test_it_composes_with_filters_and_orders() -> None:
    for number in range(6):
        add(f"video{number}", "Kestrel" if number % 2 else "Falcon", minutes_ago=number, method="youtube")
    newest = Video.objects.search("kestrel").newest_first()
    assert [video.pk for video in newest] == ["video1", "video3", "video5"]
    assert [video.pk for video in newest.reverse()[:2]] == ["video5", "video3"]
    assert newest.filter(published_at__lt=NEWEST - timedelta(minutes=2)).count() == 2
    assert newest.filter(method="invidious").exists() is False
    assert Video.objects.exclude(pk__in=Video.objects.search("kestrel")).count() == 3


def test_it_searches_one_keywords_matches() -> None:
    birds = KeyWordEntry.objects.create(keyword="birds")
    for number in range(6):
        row = add(f"video{number}", "Kestrel" if number % 2 else "Falcon", minutes_ago=number)
        if number < 4:
            Match.objects.create(keyword=birds, video=row, created_at=NEWEST, published_at=row.published_at)
    assert [match.video_id for match in birds.matches.search("kestrel").newest_first()] == ["video1", "video3"]


@pytest.mark.parametrize("newest", [(1, 2), (2, 3), (1, 5), (3, 6), (6, 7), (9, 10)])
def test_a_common_word_finds_the_same(newest: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Among whatever numbers of newest matches SQLite looks."""
    monkeypatch.setattr(fulltext, "NEWEST", newest)
    birds = KeyWordEntry.objects.create(keyword="birds")
    # Two of the same second, and older ones that were stored later.
    for number, minutes_ago in enumerate([5, 1, 1, 9, 3, 7, 0]):
        row = add(f"video{number}", "Kestrel" if number != 4 else "Falcon", minutes_ago=minutes_ago)
        Match.objects.create(keyword=birds, video=row, created_at=NEWEST, published_at=row.published_at)
    expected = ["video6", "video2", "video1", "video0", "video5", "video3"]
    assert [video.pk for video in Video.objects.search("kestrel").newest_first()] == expected
    assert [match.video_id for match in birds.matches.search("kestrel").newest_first()] == expected
    assert Video.objects.search("kestrel").order_by()[:4].count() == 4
    assert Video.objects.search("kestrel -falcon").order_by("created_at", "pk").count() == 6
