"""/quota/: a key that YouTube refused, or that cools down, is tried again."""

from datetime import timedelta

import pytest
from django.test import Client

from apps.incidents.models import Incident
from apps.quota import keys
from apps.quota.models import ApiKey

pytestmark = pytest.mark.django_db
BUTTON = "Try this key again"


@pytest.fixture
def key(settings) -> ApiKey:
    settings.YT_KEYS = [("birds", "a-secret-key")]
    keys.sync()
    return ApiKey.objects.get()


def test_it_works(client: Client, key: ApiKey) -> None:
    assert BUTTON not in client.get("/quota/").text
    keys.refuse(key, "It has expired.")
    page = client.get("/quota/")
    assert page.text.count(BUTTON) == 1
    assert "/quota/#keys" in page.text, "the banner leads there"

    page = client.post(f"/quota/keys/{key.pk}/retry/", follow=True)
    assert page.redirect_chain == [("/quota/", 302)]
    assert "“birds” will be tried again with the next search." in page.text
    assert BUTTON not in page.text
    key.refresh_from_db()
    assert (key.state, key.reason) == (ApiKey.State.ACTIVE, "")
    assert not Incident.objects.open().exists()


def test_a_cooldown_is_ended(client: Client, key: ApiKey) -> None:
    keys.cool_down(key, "Unknown reason.", timedelta(hours=1))
    assert BUTTON in client.get("/quota/").text
    client.post(f"/quota/keys/{key.pk}/retry/")
    key.refresh_from_db()
    assert key.state == ApiKey.State.ACTIVE


def test_it_needs_permission(client: Client, key: ApiKey, settings, django_user_model) -> None:
    settings.SIGN_IN = "write"
    keys.refuse(key, "It has expired.")
    assert BUTTON not in client.get("/quota/").text
    assert client.post(f"/quota/keys/{key.pk}/retry/").url == "/sign-in/?next=/quota/"
    key.refresh_from_db()
    assert key.state == ApiKey.State.REFUSED
    client.force_login(django_user_model.objects.create_user("ada"))
    assert BUTTON in client.get("/quota/").text


def test_only_a_form_of_our_own_does_it(client: Client, key: ApiKey) -> None:
    keys.refuse(key, "It has expired.")
    assert client.get(f"/quota/keys/{key.pk}/retry/").status_code == 405
    assert Client(enforce_csrf_checks=True).post(f"/quota/keys/{key.pk}/retry/").status_code == 403
    key.refresh_from_db()
    assert key.state == ApiKey.State.REFUSED


def test_a_key_that_is_gone(client: Client, key: ApiKey) -> None:
    assert client.post(f"/quota/keys/{key.pk + 1}/retry/").status_code == 404
