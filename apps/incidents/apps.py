from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "apps.incidents"
    label = "incidents"
    verbose_name = "Problems"

    def ready(self) -> None:
        from celery.signals import task_failure, task_success

        from apps.incidents import chores

        task_failure.connect(chores.on_failure)
        task_success.connect(chores.on_success)
