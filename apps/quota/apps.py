from django.apps import AppConfig
from django.db.models.signals import post_migrate


class QuotaConfig(AppConfig):
    name = "apps.quota"
    label = "quota"
    verbose_name = "Keys and quota"

    def ready(self) -> None:
        from apps.quota import keys

        # Each start migrates first, so the keys are known before anything is fetched.
        post_migrate.connect(lambda **kwargs: keys.sync(), sender=self, weak=False)
