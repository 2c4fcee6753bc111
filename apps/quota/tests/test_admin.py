"""Keys and quota in the admin: read-only."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from apps.quota import keys, ledger
from apps.quota.ledger import Purpose
from apps.quota.models import ApiKey, QuotaSpend
from apps.quota.tests.conftest import UseKeys

SECRET = "AIzaNobodyMaySeeThis"


@pytest.fixture
def key(use_keys: UseKeys) -> ApiKey:
    """A refused key whose project has used a search."""
    (key,) = use_keys(f"birds={SECRET}")
    ledger.reserve("birds", "search", Purpose.MANUAL)
    keys.refuse(key, "It has expired.")
    return key


def test_it_works(admin_client: Client, key: ApiKey) -> None:
    page = admin_client.get(reverse("admin:quota_apikey_changelist"))
    assert page.status_code == 200
    assert key.fingerprint in page.text
    assert "It has expired." in page.text
    assert SECRET not in page.text


@pytest.mark.parametrize("model", [ApiKey, QuotaSpend])
def test_it_shows_rows_that_cannot_be_edited(admin_client: Client, key: ApiKey, model: type) -> None:
    name, row = model._meta.model_name, model.objects.get()
    assert "birds" in admin_client.get(reverse(f"admin:quota_{name}_changelist")).text
    address = reverse(f"admin:quota_{name}_change", args=[row.pk])
    assert admin_client.get(address).status_code == 200
    assert SECRET not in admin_client.get(address).text
    assert admin_client.post(address, {"project": "mine"}).status_code == 403
    assert admin_client.get(reverse(f"admin:quota_{name}_add")).status_code == 403
    assert admin_client.post(reverse(f"admin:quota_{name}_delete", args=[row.pk])).status_code == 403
    assert model.objects.get().project == "birds"


def test_it_uses_a_key_again(admin_client: Client, key: ApiKey) -> None:
    page = admin_client.post(
        reverse("admin:quota_apikey_changelist"), {"action": "use_again", "_selected_action": [key.pk]}, follow=True
    )
    assert "1 key will be tried again." in page.text
    key.refresh_from_db()
    assert (key.state, key.reason) == (ApiKey.State.ACTIVE, "")


@pytest.mark.parametrize(("permission", "state"), [("view_apikey", "refused"), ("change_apikey", "active")])
def test_using_a_key_again_needs_the_permission_to_change_keys(
    client: Client, key: ApiKey, permission: str, state: str
) -> None:
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_apikey", permission]))
    client.force_login(user)
    client.post(reverse("admin:quota_apikey_changelist"), {"action": "use_again", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.state == state


def test_it_requires_an_account(client: Client, key: ApiKey) -> None:
    assert client.get(reverse("admin:quota_apikey_changelist")).status_code == 302
