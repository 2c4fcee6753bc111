"""Incidents open and close with the state of the keys."""

from datetime import timedelta
from typing import Any

import pytest

from apps.incidents import incidents
from apps.incidents.models import Incident
from apps.quota import keys
from apps.quota.models import ApiKey
from apps.quota.tests.conftest import UseKeys

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def test_a_refused_key_is_an_incident_until_it_works_again(use_keys: UseKeys) -> None:
    one, two = use_keys("birds=the-first-secret", "cats=the-second-secret")
    keys.refuse(one, "It has expired.")
    keys.refuse(two, "It is not valid.")
    assert Incident.objects.open().count() == 2

    keys.reactivate(one)
    assert [incident.subject for incident in Incident.objects.open()] == [two.fingerprint]
    assert "secret" not in str(list(Incident.objects.values()))


def test_removing_the_keys_of_a_suspended_project_closes_it(use_keys: UseKeys) -> None:
    one, *_ = use_keys("birds=one", "birds=two", "cats=three")
    keys.suspend(one.project, "Suspended.")
    use_keys("birds=two", "cats=three")
    assert Incident.objects.open().count() == 1
    use_keys("cats=three")
    assert Incident.objects.open().count() == 0
    assert [key.label for key, _ in keys.usable()] == ["cats"]
    assert ApiKey.objects.count() == 1


def test_incidents_of_invidious_close_when_it_is_removed(settings: Any) -> None:
    for kind in (Incident.Kind.INVIDIOUS_UNAVAILABLE, Incident.Kind.INVIDIOUS_BLOCKED):
        incidents.open(kind, "It does not answer.")
    settings.INVIDIOUS_URL = "http://127.0.0.1:9"
    keys.sync()
    assert Incident.objects.open().count() == 2
    settings.INVIDIOUS_URL = ""
    keys.sync()
    assert not Incident.objects.open().exists()


def test_an_open_incident_has_the_newest_reason(use_keys: UseKeys) -> None:
    (one,) = use_keys("birds=one")
    keys.cool_down(one, "The API is not enabled.", timedelta(hours=1))
    keys.refuse(one, "It has expired.")
    assert Incident.objects.open().get().message.endswith("It has expired.")
