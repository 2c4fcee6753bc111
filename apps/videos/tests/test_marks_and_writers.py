"""After any sequence of writers, marks are those that a person made, what is hidden follows from them and the rules,
and the kept counts are those of the rows."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.videos import hiding, marks
from apps.videos.fetching import blanking, erasing, storing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import HidingRule, KeyWordEntry, Match, Video, VideoTotal
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.conftest import assert_nothing_lost_or_doubled

pytestmark = pytest.mark.django_db

WORDS = ["falcon", "owl", "wren"]
IDS = "abcdefgh"
CHANNELS = ["UC0000000000000000000000", "UC1111111111111111111111"]
some = st.lists(st.sampled_from(IDS), unique=True, max_size=5)
word = st.sampled_from(WORDS)
details = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["A falcon", "An owl and a falcon", "Nothing"]),
        "channel_id": st.sampled_from(CHANNELS),
        "duration": st.sampled_from([None, 30, 300]),
        "live_state": st.sampled_from(["none", "live", "completed"]),
    }
)
rules = st.one_of(
    st.tuples(st.just("channel"), st.sampled_from(CHANNELS)),
    st.tuples(st.just("word"), st.sampled_from(["falcon", "an owl"])),
    st.tuples(st.just("min_duration"), st.sampled_from(["60", "600"])),
)
steps = st.one_of(
    st.tuples(st.just("store"), some, st.tuples(word, details)),
    st.tuples(st.just("mark"), some, st.dictionaries(st.sampled_from(marks.MARKS), st.booleans())),
    st.tuples(st.just("update"), some, details),
    st.tuples(st.just("gone"), some, st.just(None)),
    st.tuples(st.just("delete"), st.just([]), word),
    st.tuples(st.just("all seen"), st.just([]), word),
    st.tuples(st.just("add rule"), st.just([]), st.tuples(rules, st.none() | word)),
    st.tuples(st.just("delete rule"), st.just([]), st.integers(0, 9)),
    st.tuples(st.just("apply"), st.just([]), st.none()),
)


def make(step: str, ids: list[str], chosen: Any) -> None:
    if step == "mark":
        marks.mark(ids, **chosen)
    elif step == "update":
        storing.update([found_video(pk, complete=True, **chosen) for pk in ids])
    elif step == "gone":
        blanking.record_missing(ids)
    elif step == "store":
        store(KeyWordEntry.objects.watch(chosen[0])[0], *(found_video(pk, **chosen[1]) for pk in ids))
    elif step == "apply":
        hiding.apply_pending()
    elif step == "add rule":
        hiding.add(*chosen[0], KeyWordEntry.objects.find(chosen[1]) if chosen[1] else None)
    elif step == "delete rule":
        hiding.delete(HidingRule.objects.filter(pk__in=HidingRule.objects.values_list("pk")[chosen : chosen + 1]))
    elif entry := KeyWordEntry.objects.find(chosen):
        if step == "all seen":
            marks.mark(Video.objects.filter(matches__keyword=entry), seen=True)
        else:
            entry.delete()
            erasing.erase(entry)


def is_ruled(match: Match) -> bool:
    """Return whether a rule hides a match, in the words of the documentation."""
    video = match.video
    for rule in HidingRule.objects.all():
        hides = {
            "channel": video.channel_id == rule.value,
            "word": rule.value in video.title.lower(),
            "min_duration": rule.kind == "min_duration"
            and video.live_state != "live"
            and (video.duration or 10**9) < int(rule.value),
        }
        if hides[rule.kind] and rule.keyword_id in (None, match.keyword_id):
            return True
    return False


SHORT = {"title": "A falcon", "channel_id": CHANNELS[0], "duration": 30, "live_state": "none"}
LONG = {"title": "An owl and a falcon", "channel_id": CHANNELS[1], "duration": 300, "live_state": "none"}
# Without these, chance would seldom bring together rules and what they hide.
BEGINNING: list[tuple[str, list[str], Any]] = [
    ("store", ["a", "b", "c", "d"], ("falcon", SHORT)),
    ("store", ["c", "d", "e", "f"], ("owl", LONG)),
    ("add rule", [], (("channel", CHANNELS[0]), "falcon")),
    ("add rule", [], (("word", "an owl"), "owl")),
    ("add rule", [], (("min_duration", "60"), None)),
    ("apply", [], None),
]


@settings(
    max_examples=25,
    phases=[Phase.generate],  # to find a shorter example would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=st.lists(steps, min_size=4, max_size=15))
def test_it_works(monkeypatch: pytest.MonkeyPatch, plan: list[tuple[str, list[str], Any]]) -> None:
    monkeypatch.setattr(hiding, "INTERVAL", 0)
    for model in (Match, HidingRule, Video, VideoTotal, KeyWordEntry):
        model._default_manager.all()._raw_delete("default")
    wanted: dict[str, dict[str, bool]] = {}
    for step, ids, chosen in BEGINNING + plan:
        before = set(Video.objects.values_list("pk", flat=True))
        make(step, ids, chosen)
        assert_nothing_lost_or_doubled()
        for pk in before - set(Video.objects.values_list("pk", flat=True)):
            wanted.pop(pk, None)
        if step == "mark":
            for pk in before & set(ids):
                wanted.setdefault(pk, {}).update(chosen)
        if step == "all seen":
            for pk in Video.objects.filter(matches__keyword__keyword=chosen).values_list("pk", flat=True):
                wanted.setdefault(pk, {})["seen"] = True
    hiding.apply_pending()
    assert not HidingRule.objects.exclude(deleted_at=None).exists()
    assert_nothing_lost_or_doubled()
    assert verify_counts() == 0
    for video in Video.objects.all():
        own = {name: wanted.get(video.pk, {}).get(name, False) for name in marks.MARKS}
        ruled = {match.pk: is_ruled(match) for match in video.matches.all()}
        assert (video.is_seen, video.is_starred) == (own["seen"], own["starred"])
        assert video.is_hidden == (own["hidden"] or all(ruled.values()))
        assert video.hidden_by_rules == (all(ruled.values()) and not own["hidden"])
        for match in video.matches.all():
            assert (match.hidden, match.hidden_by is not None) == (own["hidden"] or ruled[match.pk], ruled[match.pk])
