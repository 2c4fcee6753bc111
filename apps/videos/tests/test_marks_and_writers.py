"""After any sequence of writers, counts and copies of what is hidden are those of the videos."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.videos import marks
from apps.videos.fetching import erasing, storing
from apps.videos.fetching.counting import verify_counts
from apps.videos.models import KeyWordEntry, Match, Video, VideoTotal
from apps.videos.tests.builders import found_video, store
from apps.videos.tests.conftest import assert_nothing_lost_or_doubled

pytestmark = pytest.mark.django_db

WORDS = ["falcon", "owl", "wren"]
IDS = "abcdefgh"
some = st.lists(st.sampled_from(IDS), unique=True, max_size=5)
steps = st.one_of(
    st.tuples(st.just("store"), some, st.sampled_from(WORDS)),
    st.tuples(st.just("mark"), some, st.dictionaries(st.sampled_from(marks.MARKS), st.booleans())),
    st.tuples(st.just("update"), some, st.just(None)),
    st.tuples(st.just("gone"), some, st.just(None)),
    st.tuples(st.just("delete"), some, st.sampled_from(WORDS)),
    st.tuples(st.just("all seen"), some, st.sampled_from(WORDS)),
)


def make(step: str, ids: list[str], chosen: Any) -> None:
    if step == "mark":
        marks.mark(ids, **chosen)
    elif step == "update":
        storing.update([found_video(pk, complete=True, duration=len(ids)) for pk in ids])
    elif step == "gone":
        storing.record_missing(ids)
    elif step == "store":
        store(KeyWordEntry.objects.watch(chosen)[0], *map(found_video, ids))
    elif entry := KeyWordEntry.objects.find(chosen):
        if step == "all seen":
            marks.mark_all_seen(entry.matches.all())
        else:
            entry.delete()
            erasing.erase(entry)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(steps, max_size=15))
def test_it_works(django_user_model: Any, plan: list[tuple[str, list[str], Any]]) -> None:
    for model in (Match, Video, VideoTotal, KeyWordEntry):
        model._default_manager.all()._raw_delete("default")
    wanted: dict[str, dict[str, bool]] = {}
    for step, ids, chosen in plan:
        before = set(Video.objects.values_list("pk", flat=True))
        make(step, ids, chosen)
        after = set(Video.objects.values_list("pk", flat=True))
        if step == "mark":
            for pk in before & set(ids):
                wanted.setdefault(pk, {}).update(chosen)
        if step == "all seen":
            for pk in Video.objects.filter(matches__keyword__keyword=chosen).values_list("pk", flat=True):
                wanted.setdefault(pk, {})["seen"] = True
        for pk in before - after:
            wanted.pop(pk, None)
    assert_nothing_lost_or_doubled()
    assert verify_counts() == 0
    for video in Video.objects.all():
        own = wanted.get(video.pk, {})
        shown = {"seen": video.is_seen, "starred": video.is_starred, "hidden": video.is_hidden}
        assert shown == {name: own.get(name, False) for name in marks.MARKS}
