from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class QuotaConfig(AppConfig):
    name = "apps.quota"
    label = "quota"
    verbose_name = "Keys and quota"

    def ready(self) -> None:
        # Each start migrates first, so the keys are known before anything is fetched.
        post_migrate.connect(_on_start, sender=self)


def _on_start(**kwargs: Any) -> None:
    from apps.quota import keys, ledger

    keys.sync()
    ledger.recall(keys.projects())
