from django.apps import AppConfig


class VideosConfig(AppConfig):
    name = "apps.videos"
    label = "videos"

    def ready(self) -> None:
        from apps.quota.models import keys_changed
        from apps.videos import schedules, tasks
        from apps.videos.models import keywords_changed

        keys_changed.connect(schedules.keep_after_commit)
        keywords_changed.connect(schedules.keep_after_commit)
        keywords_changed.connect(tasks.send_after_commit)
