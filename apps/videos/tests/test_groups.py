"""Who is searched for together: the groups, what audits prove, and what follows from it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.videos.scheduling import groups
from apps.videos.scheduling.groups import Evidence, Group, Keyword, arrange, audits
from apps.videos.scheduling.shares import share_out


def keywords(*rates: float, word: str = "word", evidence: Evidence = groups.NO_EVIDENCE) -> list[Keyword]:
    return [Keyword(id, f"{word}{id}", rate, evidence=evidence) for id, rate in enumerate(rates, 1)]


def ids(arranged: Sequence[Group]) -> list[list[int]]:
    return [[keyword.id for keyword in group.keywords] for group in arranged]


PROVEN = Evidence(50, 50)


# --- Groups --------------------------------------------------------------------------------------


def partitions(items: Sequence[float], most: int) -> Iterator[list[list[float]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for others in partitions(rest, most):
        yield [[first], *others]
        for place, piece in enumerate(others):
            if len(piece) < most:
                yield [*others[:place], [first, *piece], *others[place + 1 :]]


@given(st.lists(st.floats(0.1, 500), min_size=7, max_size=7))
def test_no_other_groups_have_less_delay(rates: list[float]) -> None:
    """By the square-root law the mean delay grows with the sum of the roots of the groups' rates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "MOST_KEYWORDS", 3)
        arranged = arrange(keywords(*rates, evidence=PROVEN))
    grouped = {id for group in ids(arranged) for id in group}
    sums = [group.rate for group in arranged] + [rate for id, rate in enumerate(rates, 1) if id not in grouped]
    best = min(sum(math.sqrt(sum(piece)) for piece in pieces) for pieces in partitions(rates, 3))
    assert sum(map(math.sqrt, sums)) == pytest.approx(best)


def test_a_query_has_at_most_20_keywords_and_300_characters() -> None:
    assert [len(group) for group in ids(arrange(keywords(*range(45, 0, -1))))] == [20, 20, 5]
    long = keywords(*range(10, 0, -1), word="x" * 60)
    assert [len(group) for group in ids(arrange(long))] == [4, 4, 2]
    assert [len(group) for group in ids(arrange(long, most_characters=150))] == [2, 2, 2, 2, 2]
    both = len("word1|word2")
    assert ids(arrange(keywords(2, 1), most_characters=both)) == [[1, 2]]
    assert ids(arrange(keywords(2, 1), most_characters=both - 1)) == []


def test_weights_count_like_rates() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "MOST_KEYWORDS", 2)
        first, *others = keywords(1, 2, 3, 4)
        (one, other) = arrange([replace(first, weight=100), *others])
    assert ids([one, other]) == [[1, 4], [3, 2]]
    assert (one.rate, one.weight) == (5, 104 / 5)


@pytest.mark.parametrize("query", ['"falcon"', "a|b", "kestrel -bird", "-bird"])
def test_what_youtube_reads_as_an_operator_is_not_shared(query: str) -> None:
    assert ids(arrange([*keywords(1, 2, 3), Keyword(9, query, 5)])) == [[3, 2, 1]]


def test_a_keyword_that_youtube_has_just_refused_is_not_shared() -> None:
    one, two, three = keywords(1, 2, 3)
    assert ids(arrange([one, two, replace(three, is_refused=True)])) == [[2, 1]]


def test_several_words_share_with_their_like_until_that_is_proved() -> None:
    single, several = keywords(4, 2), [Keyword(8, "red kite", 3), Keyword(9, "spider-man", 1)]
    assert ids(arrange([*single, *several])) == [[1, 2], [8, 9]]
    proven = [replace(one, evidence=PROVEN) for one in several]
    assert ids(arrange([*single, *proven])) == [[1, 8, 2, 9]]


def test_groups_stay_as_they_are_unless_others_are_worth_it() -> None:
    present = [replace(one, group=1 if one.id in (1, 4) else 2) for one in keywords(10, 9, 8, 7)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "MOST_KEYWORDS", 2)
        assert sorted(ids(arrange(present))) == [[1, 4], [2, 3]], "sorted pieces would gain less than 5 %"
        assert {group.id for group in arrange(present)} == {1, 2}
        other = [replace(one, rate=20 if one.id in (1, 2) else 5) for one in present]
        assert sorted(ids(arrange(other))) == [[1, 2], [3, 4]], "a tenth is worth it"


def test_what_is_new_joins_a_group_and_what_is_gone_leaves_it() -> None:
    present = [replace(one, group=7) for one in keywords(5, 4, 3)]
    (group,) = arrange([*present[:2], Keyword(9, "new", 6)])
    assert (group.id, {one.id for one in group.keywords}) == (7, {1, 2, 9})
    (group,) = arrange([*present, Keyword(9, "new", 6)], regroup=False)
    assert {one.id for one in group.keywords} == {1, 2, 3}, "a keyword that was just saved is planned by itself"


def test_requested_intervals() -> None:
    """Those that are at least as long as the group's join it; the others share with each other."""
    rates = keywords(*[30] * 6, evidence=PROVEN)
    chosen = {4: 100, 5: 120, 6: 86_400}
    given = [replace(one, requested_interval=chosen.get(one.id)) for one in rates]
    allocation = share_out(given, 500)
    assert sorted(ids(allocation.groups)) == [[1, 2, 3, 6], [4, 5]]
    assert allocation.shares[4] == allocation.shares[5]
    assert allocation.shares[6] == allocation.shares[1]
    assert allocation.shares[6].interval < 86_400

    allocation = share_out([one for one in given if one.requested_interval], 2000)
    assert ids(allocation.groups) == [[4, 5, 6]]
    assert {(share.interval, share.granted) for share in allocation.shares.values()} == {(100, True)}


# --- The guard -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "low"), [(35, 0.901), (50, 0.929), (100, 0.963)])
def test_what_is_proved_by_so_many_videos(number: int, low: float) -> None:
    assert Evidence(number, number).bounds == (pytest.approx(low, abs=0.001), pytest.approx(1))


def test_nothing_is_known_without_evidence_and_half_of_it_is_forgotten_in_ten_days() -> None:
    assert Evidence().bounds == (0, 1)
    assert Evidence(40, 30).aged(timedelta(days=10)) == Evidence(20, 15)
    assert Evidence(40, 30).aged(timedelta(days=-1)) == Evidence(40, 30)


def test_single_words_share_at_once_and_are_searched_alone_as_well_until_it_is_proved() -> None:
    (group,) = arrange(keywords(5, 4, 3))
    assert group.extra == {1: pytest.approx(0.1), 2: pytest.approx(0.1), 3: pytest.approx(0.1)}
    (group,) = arrange(keywords(5, 4, 3, evidence=PROVEN))
    assert group.extra == {}


def test_a_keyword_that_is_surely_not_delivered_leaves_its_group() -> None:
    one, two, three = keywords(5, 4, 3, evidence=PROVEN)
    assert ids(arrange([one, two, replace(three, evidence=Evidence(100, 80))])) == [[1, 2]]
    (group,) = arrange([one, two, replace(three, evidence=Evidence(10, 8))])
    assert len(group.keywords) == 3, "that may be chance"
    assert group.extra.keys() == {3}


def test_a_doubtful_keyword_of_a_good_group_is_searched_for_alone_as_well() -> None:
    one, two, three = keywords(5, 4, 3, evidence=Evidence(200, 199))
    (group,) = arrange([one, two, replace(three, evidence=Evidence(200, 181))])
    assert group.extra == {3: pytest.approx(0.095, abs=0.003)}


def test_a_group_that_gains_too_little_is_given_up() -> None:
    assert arrange(keywords(*[5] * 6, evidence=Evidence(9, 8))) != []
    assert arrange(keywords(*[5] * 6, evidence=Evidence(9, 5))) == []
    assert arrange(keywords(5, 5, evidence=Evidence(40, 34))) == [], "two gain less than six"


def test_no_more_is_expected_than_single_searches_agree() -> None:
    some = keywords(*range(1, 9), evidence=Evidence(100, 86))
    (group,) = arrange(some)
    assert group.extra, "86 % are too few"
    (group,) = arrange([replace(one, evidence_alone=Evidence(100, 80)) for one in some])
    assert group.extra == {}, "but not if another search for one of them shows only 80 %"


def test_searches_alone_go_by_the_share_that_a_group_leaves_out() -> None:
    """While a group may yet prove good, they only add to it; if it surely loses videos, they have to show all."""
    allocation = share_out(keywords(*[60] * 10, evidence=Evidence(3, 3)), 98)
    (group,) = allocation.groups
    assert not group.is_leaking
    assert 0 < allocation.alone[1] - audits([group], 98)[1] < 1

    one, *good = keywords(60, 60, 60, evidence=Evidence(200, 197))
    (worse, worst) = (replace(one, id=id, evidence=Evidence(100, n)) for id, n in ((8, 89), (9, 86)))
    allocation = share_out([*good, worse, worst], 1000)
    (group,) = allocation.groups
    assert group.is_leaking
    assert group.extra.keys() == {8, 9}
    audits_alone = audits([group], 1000)
    extra = {id: allocation.alone[id] - audits_alone[id] for id in group.extra}
    assert extra[9] / extra[8] == pytest.approx(math.sqrt(group.extra[9] / group.extra[8]))
    busy = [replace(keyword, rate=600) for keyword in (*good, worse, worst)]
    allocation = share_out(busy, 135)
    assert allocation.alone[8] - audits(allocation.groups, 135)[8] >= 600 / 30, "a page holds all between two searches"


def test_audits_take_a_twentieth_and_go_to_what_is_known_least() -> None:
    known, new = keywords(5, 4, evidence=Evidence(200, 200)), Keyword(9, "new", 1)
    per_day = audits([Group([*known, new])], 100)
    assert sum(per_day.values()) == pytest.approx(5)
    assert per_day[9] > 10 * per_day[1]
    assert sum(audits([Group(known)], 3).values()) == 1
    assert audits([], 100) == {}


def test_shares_never_exceed_the_days_searches() -> None:
    for evidence in (groups.NO_EVIDENCE, PROVEN, Evidence(30, 27)):
        allocation = share_out(keywords(*[100 / rank for rank in range(1, 41)], evidence=evidence), 98)
        total = sum(allocation.alone.values())
        total += sum(allocation.shares[group.keywords[0].id].searches_per_day for group in allocation.groups)
        total += sum(share.searches_per_day for id, share in allocation.shares.items() if id not in allocation.group_of)
        assert total == pytest.approx(98)
        assert allocation.requested + allocation.automatic == pytest.approx(98)


def test_what_shares_no_longer_is_not_the_same_group() -> None:
    """Single words and several words were mixed; that is not proved any more."""
    several = [Keyword(8, "red kite", 3, group=7), Keyword(9, "black kite", 1, group=7)]
    arranged = arrange([*[replace(one, group=7) for one in keywords(5, 4)], *several])
    assert ids(arranged) == [[1, 2], [8, 9]]
    assert len({group.id for group in arranged}) == 2, "otherwise beat writes one group of all four"


def test_a_requested_interval_is_kept_where_the_group_is_full() -> None:
    chosen = [Keyword(id, f"word{id}", 1, requested_interval=3600, evidence=PROVEN) for id in (21, 22)]
    allocation = share_out([*keywords(*[30] * 20, evidence=PROVEN), *chosen], 95)
    assert ids(allocation.groups)[1:] == [[21, 22]]
    assert allocation.shares[21].interval <= 3600


def test_a_requested_interval_is_kept_where_several_words_are_proved() -> None:
    slow = [Keyword(21, "word21", 1, evidence=PROVEN), Keyword(8, "red kite", 0.5, evidence=PROVEN)]
    chosen = Keyword(9, "black kite", 0.1, requested_interval=3600, evidence=PROVEN)
    given = [*keywords(*[30] * 20, evidence=PROVEN), *slow, chosen]
    assert share_out(given, 95, is_shared=False).shares[9].interval == 3600
    assert share_out(given, 95).shares[9].interval <= 3600


def test_audits_stay_within_what_there_is() -> None:
    allocation = share_out(keywords(5, 4, 3, evidence=PROVEN), 1)
    assert allocation.shares[1].searches_per_day + sum(allocation.alone.values()) <= 1.0001
