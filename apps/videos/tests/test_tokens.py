"""Programs use the REST API with tokens that can be named, limited to reading, and revoked."""

from hashlib import sha512
from importlib import import_module
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from apps.conftest import MovableTime
from apps.videos.models import ApiToken, KeyWordEntry

pytestmark = pytest.mark.django_db

KEYWORDS = "/api/keywords/"


@pytest.fixture
def ada(settings: Any) -> User:
    settings.SIGN_IN = "write"
    return User.objects.create_user("ada")


def new(user: User, access: str = "write") -> dict[str, str]:
    """Return the header of a new token."""
    _, token = ApiToken.objects.create(user, name="backup script", access=access)
    return {"Authorization": f"Token {token}"}


def add(client: Client, headers: dict[str, str]) -> Any:
    return client.post(KEYWORDS, {"keyword": "python"}, content_type="application/json", headers=headers)


def test_it_works(client: Client, ada: User) -> None:
    row, token = ApiToken.objects.create(ada, name="backup script", access="write")
    for scheme in ("Token", "Bearer", "bearer"):
        assert add(client, {"Authorization": f"{scheme} {token}"}).status_code in (200, 201)
    assert token.startswith(row.prefix)
    row.delete()
    for scheme in ("Token", "Bearer"):
        refused = add(client, {"Authorization": f"{scheme} {token}"})
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, scheme)


def test_a_token_is_stored_only_as_its_hash(ada: User) -> None:
    row, token = ApiToken.objects.create(ada, name="backup script", access="write")
    stored = [str(value) for value in ApiToken.objects.values().get().values()]
    assert not any(token in value for value in stored)
    assert row.digest == sha512(token.encode()).hexdigest()


@pytest.mark.parametrize("sign_in", ["off", "write", "all"])
def test_a_read_token_reads_and_changes_nothing(client: Client, ada: User, settings: Any, sign_in: str) -> None:
    settings.SIGN_IN = sign_in
    headers = new(ada, "read")
    entry = KeyWordEntry.objects.create(keyword="ruby")
    assert client.get(KEYWORDS, headers=headers).status_code == 200
    for method, address in (
        ("post", KEYWORDS),
        ("patch", f"{KEYWORDS}{entry.pk}/"),
        ("delete", f"{KEYWORDS}{entry.pk}/"),
        ("post", f"{KEYWORDS}{entry.pk}/fetch/"),
        ("post", f"{KEYWORDS}preview/"),
    ):
        refused = getattr(client, method)(address, headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (403, "This token may only read.")


def test_a_token_of_a_disabled_account_is_refused(client: Client, ada: User) -> None:
    headers = new(ada)
    User.objects.update(is_active=False)
    assert client.get(KEYWORDS, headers=headers).status_code == 401


def test_the_last_use_is_written_every_few_minutes(
    client: Client, ada: User, frozen_time: MovableTime, django_assert_num_queries: Any
) -> None:
    headers = new(ada, "read")

    def last_use() -> Any:
        assert client.get("/api/", headers=headers).status_code == 200
        return ApiToken.objects.get().used_at

    first = last_use()
    frozen_time.move(minutes=4)
    # The token; expired ones of the account, which knox deletes; and the test's own.
    with django_assert_num_queries(3):
        assert last_use() == first
    frozen_time.move(minutes=1)
    assert last_use() > first
    frozen_time.move(days=-1)
    assert last_use() < first, "the clock was set back"


def test_a_full_disk_does_not_prevent_reading(client: Client, ada: User) -> None:
    headers = new(ada, "read")
    full = OperationalError("database or disk is full")
    with patch.object(ApiToken, "record_use", autospec=True, side_effect=full):
        assert client.get(KEYWORDS, headers=headers).status_code == 200


def test_tokens_of_earlier_versions_keep_working(client: Client, ada: User) -> None:
    earlier = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key varchar(40), created varchar(40), user_id integer)")
        cursor.execute("INSERT INTO authtoken_token VALUES (%s, 'then', %s)", [earlier, ada.pk])
    for _ in range(2):
        migration = import_module("apps.videos.migrations.0017_hash_earlier_tokens")
        migration.hash_earlier_tokens(apps, SimpleNamespace(connection=connection))
    assert add(client, {"Authorization": f"Token {earlier}"}).status_code == 201
    assert str(ApiToken.objects.get()) == "earlier token (9944b09199c62bc…)"
    assert "authtoken_token" not in connection.introspection.table_names()


def test_the_admin_shows_a_new_token_once(admin_client: Client, admin_user: User) -> None:
    form = {"name": "backup script", "user": admin_user.pk, "access": "read"}
    shown = admin_client.post(reverse("admin:videos_apitoken_add"), form, follow=True).content.decode()
    token = ApiToken.objects.get()
    assert shown.count(f"The token is {token.prefix}") == 1
    assert (token.user, token.access) == (admin_user, "read")

    change = reverse("admin:videos_apitoken_change", args=[token.pk])
    admin_client.post(change, {"name": "old script", "access": "write", "user": "99"})
    token.refresh_from_db()
    assert (token.name, token.user, token.may_write) == ("old script", admin_user, True)
    admin_client.post(reverse("admin:videos_apitoken_delete", args=[token.pk]), {"post": "yes"})
    assert not ApiToken.objects.exists()


def token(*words: str) -> str:
    out = StringIO()
    call_command("token", *words, stdout=out)
    return out.getvalue().strip()


def test_the_command(client: Client, ada: User, frozen_time: MovableTime) -> None:
    assert token("list") == "No tokens."
    made = token("add", "日本 script", "--read-only")
    assert client.get(KEYWORDS, headers={"Authorization": f"Token {made}"}).status_code == 200
    row = ApiToken.objects.get()
    assert (row.user, row.access) == (ada, "read")
    assert token("list").splitlines() == [
        "name         begins with      account  access  created  last use",
        f"日本 script  {row.prefix}  ada      Read    now      now",
    ]

    User.objects.create_user("bob")
    with pytest.raises(CommandError, match="--user"):
        token("add", "other")
    token("add", "other", "--user", "bob")
    assert ApiToken.objects.get(user__username="bob").may_write

    assert token("revoke", row.prefix) == "Revoked “日本 script”."
    assert ApiToken.objects.get().name == "other"
    with pytest.raises(CommandError, match="No token begins with"):
        token("revoke", row.prefix)


@pytest.mark.parametrize("words", [["add", " "], ["add", "x" * 101], ["add", "x", "--user", "eve"]])
def test_the_command_refuses_what_cannot_be(ada: User, words: list[str]) -> None:
    with pytest.raises(CommandError):
        token(*words)
    assert not ApiToken.objects.exists()
