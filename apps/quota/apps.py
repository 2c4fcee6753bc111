from django.apps import AppConfig
from django.db.models.signals import post_migrate


class QuotaConfig(AppConfig):
    name = "apps.quota"
    label = "quota"
    verbose_name = "Keys and quota"

    def ready(self) -> None:
        from apps.quota import ledger

        # Every start migrates first, and so knows the keys before anything is fetched.
        post_migrate.connect(lambda **kwargs: ledger.sync_keys(), sender=self, weak=False)
