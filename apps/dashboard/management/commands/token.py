from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.dashboard.terminal import table
from apps.dashboard.times import from_now
from apps.videos.models import ApiToken


class Command(BaseCommand):
    help = "Add, list and revoke the API tokens of programs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        add = commands.add_parser("add", help="make a token and print it; it is not shown again")
        add.add_argument("name", help="what uses it, such as: backup script")
        add.add_argument("--read-only", action="store_true", help="it may not change anything")
        add.add_argument("--user", help="the account that it acts for; needed if there are several")
        commands.add_parser("list", help="show all tokens")
        revoke = commands.add_parser("revoke", help="delete a token, so that it is refused")
        revoke.add_argument("prefix", help="its first characters, as the list shows them")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        {"add": self.add, "list": self.list, "revoke": self.revoke}[command](options)

    def add(self, options: dict[str, Any]) -> None:
        access = ApiToken.Access.READ if options["read_only"] else ApiToken.Access.WRITE
        try:
            name = ApiToken._meta.get_field("name").clean(options["name"].strip(), None)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        _, token = ApiToken.objects.create(_account(options["user"]), name=name, access=access)
        self.stdout.write(token)

    def list(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        rows = [
            [
                token.name,
                token.prefix,
                token.user.get_username(),
                token.get_access_display(),
                from_now(token.created, now),
                from_now(token.used_at, now) if token.used_at else "never",
            ]
            for token in ApiToken.objects.select_related("user")
        ]
        lines = table(["name", "begins with", "account", "access", "created", "last use"], rows)
        self.stdout.write("\n".join(lines or ["No tokens."]))

    def revoke(self, options: dict[str, Any]) -> None:
        found = ApiToken.objects.filter(token_key=options["prefix"])
        if not found:
            raise CommandError(f"No token begins with {options['prefix']!r}. See: manage.py token list")
        for token in found:
            token.delete()
            self.stdout.write(f"Revoked “{token.name}”.")


def _account(name: str | None) -> User:
    """Return the account with this name, or the only one."""
    found = User.objects.filter(username=name) if name else User.objects.all()[:2]
    if len(found) == 1:
        return found[0]
    if name or not found:
        missing = f"There is no account {name!r}." if name else "There is no account."
        raise CommandError(f"{missing} Create it with: manage.py createsuperuser")
    raise CommandError("There are several accounts: name one with --user.")
