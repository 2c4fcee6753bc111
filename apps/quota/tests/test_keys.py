"""Rows of keys follow YT_KEYS, and keep their state."""

from datetime import timedelta

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries, Settings

from apps.incidents.models import Incident
from apps.quota import keys, ledger
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey, QuotaSpend
from apps.quota.tests.conftest import COOLDOWN, NOW, UseKeys

State = ApiKey.State
pytestmark = pytest.mark.usefixtures("clock")


def usable() -> list[str]:
    return [secret for _, secret in keys.usable()]


def test_it_works(use_keys: UseKeys, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    rows = use_keys("birds=one", "two", "birds=three", "cats=four")
    assert [row.label for row in rows] == ["birds", "key 2", "birds (2)", "cats"]
    assert [row.project for row in rows] == ["birds", f"key-{keys.fingerprint('two')[:8]}", "birds", "cats"]
    assert {row.state for row in rows} == {State.ACTIVE}
    with django_assert_num_queries(1):
        assert usable() == ["one", "two", "three", "four"]


def test_bare_keys_are_projects_of_their_own(use_keys: UseKeys) -> None:
    first, second = use_keys("one", "two")
    assert first.project != second.project


def test_it_handles_added_removed_and_moved_keys(use_keys: UseKeys) -> None:
    one, two, three = use_keys("one", "two", "three")
    keys.refuse(two, "It has expired.")
    rows = use_keys("four", "three", "two")
    assert [(row.label, row.state) for row in rows] == [
        ("key 1", State.ACTIVE),
        ("key 2", State.ACTIVE),
        ("key 3", State.REFUSED),
    ]
    assert [row.pk for row in rows[1:]] == [three.pk, two.pk]
    assert rows[2].reason == "It has expired."
    assert not ApiKey.objects.filter(pk=one.pk).exists()
    assert usable() == ["four", "three"]


def test_a_start_changes_nothing_that_stays(use_keys: UseKeys, clock: time_machine.Traveller) -> None:
    (key,) = use_keys("birds=one")
    keys.cool_down(key, "Unknown reason.", COOLDOWN)
    clock.shift(60)
    (row,) = use_keys("cats=one")
    assert (row.state, row.reason, row.project) == (State.COOLING_DOWN, "Unknown reason.", "cats")
    assert row.changed_at == NOW


def test_a_key_added_again_is_active(use_keys: UseKeys) -> None:
    (key,) = use_keys("one")
    keys.refuse(key, "It has expired.")
    use_keys("two")
    (row,) = use_keys("one")
    assert (row.state, row.reason) == (State.ACTIVE, "")


def test_it_handles_no_keys(use_keys: UseKeys) -> None:
    use_keys("one")
    assert use_keys() == []
    assert usable() == []


def test_it_notices_other_keys_without_a_start(use_keys: UseKeys, settings: Settings) -> None:
    use_keys("one")
    settings.YT_KEYS = [("", "two"), ("birds", "three")]
    assert usable() == ["two", "three"]


def test_a_refused_key_waits_for_a_person(use_keys: UseKeys, clock: time_machine.Traveller) -> None:
    one, _ = use_keys("one", "two")
    keys.refuse(one, "x" * 500)
    clock.shift(timedelta(days=400))
    assert usable() == ["two"]
    one.refresh_from_db()
    assert (one.state, one.reason, one.cooling_down_until, one.changed_at) == (State.REFUSED, "x" * 300, None, NOW)
    assert keys.reactivate(one) == 1
    assert usable() == ["one", "two"]
    one.refresh_from_db()
    assert (one.state, one.reason) == (State.ACTIVE, "")


def test_a_key_is_usable_after_its_cooldown(use_keys: UseKeys, clock: time_machine.Traveller) -> None:
    one, _ = use_keys("one", "two")
    keys.cool_down(one, "Unknown reason.", COOLDOWN)
    assert usable() == ["two"]
    clock.shift(COOLDOWN - timedelta(seconds=1))
    assert usable() == ["two"]
    clock.shift(1)
    assert usable() == ["one", "two"]


def test_a_suspended_project_stops_all(use_keys: UseKeys, clock: time_machine.Traveller) -> None:
    use_keys("birds=one", "birds=two", "cats=three")
    keys.suspend("birds", "YouTube has suspended this key's project.")
    clock.shift(timedelta(days=400))
    assert usable() == []
    assert [row.state for row in ApiKey.objects.all()] == [State.SUSPENDED, State.SUSPENDED, State.ACTIVE]
    use_keys("cats=three")
    assert usable() == ["three"], "with the suspended keys gone the others go on"


def test_a_person_can_end_a_suspension(use_keys: UseKeys) -> None:
    use_keys("birds=one", "cats=two")
    keys.suspend("birds", "Suspended.")
    assert keys.reactivate(*ApiKey.objects.filter(project="birds")) == 1
    assert usable() == ["one", "two"]


def test_no_key_is_in_the_database(use_keys: UseKeys) -> None:
    secrets = ["AIzaSecretOne", "AIzaSecretTwo"]
    for key in use_keys(secrets[0], f"birds={secrets[1]}"):
        ledger.reserve(key.project, "search", Purpose.MANUAL)
        keys.refuse(key, "It has expired.")
    stored = repr([*ApiKey.objects.values_list(), *QuotaSpend.objects.values_list()])
    assert "birds" in stored
    assert not any(secret in stored for secret in secrets)


def test_fingerprints_distinguish_keys(use_keys: UseKeys) -> None:
    one, two = use_keys("one", "two")
    assert len(one.fingerprint) == 16
    assert one.fingerprint != two.fingerprint
    assert one.short_fingerprint == one.fingerprint[-4:]


def test_a_late_refusal_does_not_replace_a_suspension(use_keys: UseKeys) -> None:
    """Two workers were using the same key when one recorded that its project is suspended."""
    one, _ = use_keys("birds=one", "cats=two")
    keys.cool_down(one, "Unknown reason.", timedelta(minutes=15))
    keys.suspend("birds", "Suspended.")
    keys.cool_down(one, "Unknown reason.", timedelta(minutes=15))
    keys.refuse(one, "It has expired.")
    keys.end_cooldown(one)
    one.refresh_from_db()
    assert one.state == ApiKey.State.SUSPENDED
    assert keys.usable() == []
    assert Incident.objects.open().get().kind == Incident.Kind.PROJECT_SUSPENDED

    keys.reactivate(one)
    keys.refuse(one, "It has expired.")
    keys.cool_down(one, "Unknown reason.", timedelta(minutes=15))
    keys.end_cooldown(one)
    one.refresh_from_db()
    assert (one.state, one.reason) == (ApiKey.State.REFUSED, "It has expired.")
