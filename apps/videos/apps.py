from django.apps import AppConfig


class VideosConfig(AppConfig):
    name = "apps.videos"
    label = "videos"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from apps.quota.models import keys_changed
        from apps.videos.models import keywords_changed, rules_changed
        from apps.videos.signals import on_keys_changed, on_keywords_changed, on_migrated, on_rules_changed

        keys_changed.connect(on_keys_changed)
        keywords_changed.connect(on_keywords_changed)
        rules_changed.connect(on_rules_changed)
        post_migrate.connect(on_migrated, sender=self)
