"""A form that is sent several times at once, as by a double click, is answered each time, on both databases."""

from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from apps.videos.tests.conftest import RealDatabase

PASSWORD = "kestrel-on-the-wind"

FORMS: dict[str, dict[str, Any]] = {
    "/": {"keyword": "python"},
    "/keywords/add/": {"keywords": "one\ntwo", "add": "1"},
    "/rules/": {"kind": "word", "value": "football"},
    "/views/": {"name": "starred", "query": "starred=true"},
    "/tokens/": {"name": "script", "access": "read"},
    "/settings/feed-address/": {},
    "/settings/feed-address/renew/": {},
    "/settings/feed-address/revoke/": {},
    "/admin/auth/group/add/": {"name": "readers"},
    "/admin/auth/user/add/": {
        "username": "bob",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "usable_password": "true",
    },
    "/admin/videos/keywordentry/add/": {"keyword": "zebra", "state": "watched", "weight": 1, "notify": "off"},
}


def test_it_works(database: RealDatabase) -> None:
    user = User.objects.create_superuser("ada")
    clients = [Client(raise_request_exception=False) for _ in range(6)]
    for client in clients:
        client.force_login(user)
    for address, form in FORMS.items():
        for _ in range(3):
            answers = database.at_once(*[partial(client.post, address, form) for client in clients])
            assert {answer.status_code for answer in answers} <= {200, 302}, address
