"""Many workers reserve exactly as many calls as there are left."""

from collections.abc import Callable
from threading import Barrier
from typing import Any

import time_machine
from django.utils import timezone

from apps.quota import ledger, pacific
from apps.quota.ledger import Purpose
from apps.quota.models import QuotaSpend
from apps.quota.tests.conftest import NOW, used

InThread = Callable[..., list[Any]]


def race(in_thread: InThread, threads: int, tries: int) -> int:
    """Let all threads reserve at the same time; return how many calls they reserved."""
    ready = Barrier(threads)

    def reserve() -> int:
        ready.wait()
        return sum(ledger.reserve("birds", "search", Purpose.MANUAL) for _ in range(tries))

    return sum(in_thread(reserve, threads))


def test_it_works(in_thread: InThread, clock: time_machine.Traveller) -> None:
    day = pacific.day_of(NOW)
    in_thread(lambda: QuotaSpend.objects.create(project="birds", day=day, bucket="search", used=90))
    assert race(in_thread, threads=8, tries=4) == 10
    assert in_thread(lambda: used("birds")) == [100]


def test_it_handles_a_race_for_the_first_search_of_the_day(in_thread: InThread, clock: time_machine.Traveller) -> None:
    assert race(in_thread, threads=8, tries=1) == 8
    assert in_thread(lambda: list(QuotaSpend.objects.values_list("used", flat=True))) == [[8]]


def test_it_handles_a_refusal_in_the_middle(in_thread: InThread, clock: time_machine.Traveller) -> None:
    ready = Barrier(5)

    def reserve_or_mark() -> None:
        if ready.wait() == 0:
            ledger.mark_exhausted("birds", "search", timezone.now())
        else:
            for _ in range(5):
                ledger.reserve("birds", "search", Purpose.MANUAL)

    in_thread(reserve_or_mark, 5)
    assert in_thread(lambda: QuotaSpend.objects.get().refused_at) == [NOW]
    before = in_thread(lambda: used("birds"))
    assert race(in_thread, threads=4, tries=1) == 0
    assert in_thread(lambda: used("birds")) == before
